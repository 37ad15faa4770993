// Runs the extension with a stand-in for VS Code and prints what it did, as JSON.
'use strict';

const Module = require('node:module');

const values = JSON.parse(process.argv[3]);
const did = { registered: [], started: [], status: [], notified: [], handled: [] };
const statusBar = {
  show() {
    did.status.push(this.text);
  },
};
const vscode = {
  workspace: {
    getConfiguration: () => ({ get: (name) => values[name], update: (name, value) => (values[name] = value) }),
    onDidChangeConfiguration: () => ({}),
  },
  window: {
    createOutputChannel: () => ({ show() {} }),
    createStatusBarItem: () => statusBar,
    showErrorMessage: async (message) => void did.notified.push(message),
  },
  commands: {
    registerCommand: (name, action) => {
      did.registered.push(name);
      vscode.commands[name] = action;
    },
  },
  StatusBarAlignment: { Right: 2 },
  ConfigurationTarget: { Global: 1 },
};

class LanguageClient {
  constructor(id, name, server, options) {
    did.started.push({ server, wishes: options.initializationOptions });
    this.options = options;
    LanguageClient.last = this;
  }
  onNotification(method, handler) {
    did.handled.push(method);
    this.handler = handler;
  }
  async start() {
    if (values.command === 'missing') {
      throw new Error('ENOENT');
    }
  }
  async dispose() {}
}

const load = Module._load;
Module._load = (name, ...rest) => {
  const stubs = { vscode, 'vscode-languageclient/node': { LanguageClient } };
  return stubs[name] ?? load(name, ...rest);
};

(async () => {
  const extension = require(process.argv[2]);
  await extension.activate({ subscriptions: [] });
  const ask = (languageId) =>
    LanguageClient.last.options.middleware.provideInlineCompletionItems({ languageId }, 0, {}, {}, () => 'asked');
  LanguageClient.last.handler({ kind: 'Warning', busy: false, message: 'full' });
  did.python = ask('python');
  did.markdown = ask('markdown');
  await vscode.commands['completer.toggle']();
  did.afterToggle = ask('python');
  await vscode.commands['completer.restart']();
  await extension.deactivate();
  console.log(JSON.stringify(did));
})();
