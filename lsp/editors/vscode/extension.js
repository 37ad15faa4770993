// Starts `completer lsp` and lets vscode-languageclient show what it completes.
'use strict';

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

const SELECTOR = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));
const ICONS = { Normal: '$(sparkle)', Warning: '$(warning)', Error: '$(error)', Inactive: '$(circle-slash)' };

/** @type {LanguageClient | undefined} */
let client;
/** @type {vscode.StatusBarItem} */
let statusBar;
/** @type {vscode.LogOutputChannel} */
let log;

function settings() {
  return vscode.workspace.getConfiguration('completer');
}

function isWanted(document) {
  return settings().get('enable') && !settings().get('disabledLanguages').includes(document.languageId);
}

function createClient() {
  const server = { command: settings().get('command'), args: settings().get('arguments') };
  return new LanguageClient('completer', 'Completer', server, {
    documentSelector: SELECTOR,
    outputChannel: log,
    initializationOptions: {
      choices: settings().get('choices'),
      afterDeletion: settings().get('afterDeletion'),
    },
    middleware: {
      provideInlineCompletionItems: (document, position, context, token, next) =>
        isWanted(document) ? next(document, position, context, token) : null,
    },
  });
}

async function start() {
  client = createClient();
  client.onNotification('didChangeStatus', showStatus);
  try {
    await client.start();
    showStatus({ kind: 'Normal', busy: false, message: '' });
  } catch (error) {
    showStatus({ kind: 'Error', busy: false, message: String(error) });
    const choice = await vscode.window.showErrorMessage(
      `Completer could not start "${settings().get('command')}". Set completer.command to where it is installed.`,
      'Open Settings',
    );
    if (choice) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'completer.command');
    }
  }
}

async function stop() {
  const stopping = client;
  client = undefined;
  await stopping?.dispose();
}

function showStatus({ kind, busy, message }) {
  const shown = settings().get('enable') ? kind : 'Inactive';
  statusBar.text = `${busy ? '$(loading~spin)' : (ICONS[shown] ?? ICONS.Normal)} Completer`;
  statusBar.tooltip = message || (shown === 'Inactive' ? 'Completions are off' : 'Completions are on');
  statusBar.show();
}

function toggle() {
  return settings().update('enable', !settings().get('enable'), vscode.ConfigurationTarget.Global);
}

async function restart() {
  await stop();
  await start();
}

async function settingsChanged(event) {
  if (event.affectsConfiguration('completer.enable')) {
    showStatus({ kind: 'Normal', busy: false, message: '' });
  }
  const needRestart = ['command', 'arguments', 'choices', 'afterDeletion'];
  if (needRestart.some((name) => event.affectsConfiguration(`completer.${name}`))) {
    await restart();
  }
}

async function activate(context) {
  log = vscode.window.createOutputChannel('Completer', { log: true });
  statusBar = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right);
  statusBar.command = 'completer.toggle';
  context.subscriptions.push(
    log,
    statusBar,
    vscode.commands.registerCommand('completer.toggle', toggle),
    vscode.commands.registerCommand('completer.restart', restart),
    vscode.commands.registerCommand('completer.showLog', () => log.show()),
    vscode.workspace.onDidChangeConfiguration(settingsChanged),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
