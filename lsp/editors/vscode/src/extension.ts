// Starts `completer lsp`, shows what it completes, and gives a person every switch.

import * as vscode from 'vscode';
import { State, type LanguageClient } from 'vscode-languageclient/node';

import { createClient, setting, settings } from './client';
import { actions, patternFor } from './menu';
import { NextEdits } from './nextEdits';
import { run } from './program';
import { look, STOPPED, type ServerStatus } from './status';
import { Tracking, type Part, type Text } from './tracking';

const NEED_RESTART = ['command', 'arguments', 'choices', 'afterDeletion', 'disabledIn'];

class Extension {
  private client: LanguageClient | undefined;
  private status: ServerStatus = STOPPED;
  private readonly log = vscode.window.createOutputChannel('Completer', { log: true });
  private readonly bar = vscode.window.createStatusBarItem('completer.status', vscode.StatusBarAlignment.Right);
  private readonly tracking = new Tracking((method, params) => void this.client?.sendNotification(method, params));

  constructor(context: vscode.ExtensionContext) {
    this.bar.name = 'Completer';
    this.bar.command = 'completer.menu';
    const nextEdits = new NextEdits(context, () => this.client);
    const commands: Record<string, () => unknown> = {
      menu: () => this.menu(),
      toggle: () => settings().update('enable', !setting('enable'), vscode.ConfigurationTarget.Global),
      toggleLanguage: () => this.toggleForGood((editor) => `language:${editor.document.languageId}`),
      toggleFiles: () => this.toggleForGood((editor) => patternFor(editor.document.fileName)),
      whyNothing: () => this.why(),
      acceptWord: () => this.acceptPart('word', 'editor.action.inlineSuggest.acceptNextWord'),
      acceptLine: () => this.acceptPart('line', 'editor.action.inlineSuggest.acceptNextLine'),
      dismiss: () => this.dismiss(),
      show: () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
      nextEdit: () => nextEdits.ask(true),
      takeNextEdit: () => nextEdits.take(),
      dismissNextEdit: () => nextEdits.dismiss(),
      showLog: () => this.showLog(),
      report: () => this.showOutput(['report']),
      status: () => this.showStatusMessage(),
      restart: () => this.restart(),
      settings: () => vscode.commands.executeCommand('workbench.action.openSettings', '@ext:completer.completer'),
    };
    context.subscriptions.push(
      this.log,
      this.bar,
      ...Object.entries(commands).map(([name, act]) => vscode.commands.registerCommand(`completer.${name}`, act)),
      vscode.workspace.onDidChangeConfiguration((event) => this.settingsChanged(event)),
      vscode.window.onDidChangeActiveTextEditor((editor) => this.focused(editor)),
    );
  }

  async start(): Promise<void> {
    this.client = createClient(this.log, this.tracking, (status) => this.show(status));
    try {
      await this.client.start();
      this.show({ busy: false, kind: 'Normal', message: '' });
    } catch (error) {
      this.show({ busy: false, kind: 'Error', message: String(error) });
      await this.tellThatItDidNotStart();
    }
  }

  async stop(): Promise<void> {
    const stopping = this.client;
    this.client = undefined;
    this.show(STOPPED);
    await stopping?.dispose();
  }

  private async tellThatItDidNotStart(): Promise<void> {
    const told = `Completer could not start "${setting<string>('command')}". Set completer.command to where it is installed.`;
    if ((await vscode.window.showErrorMessage(told, 'Open Settings')) !== undefined) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'completer.command');
    }
  }

  private show(status: ServerStatus): void {
    this.status = status;
    const { text, tooltip, isWarning } = look(status, setting('enable'));
    this.bar.text = text;
    this.bar.tooltip = tooltip;
    this.bar.backgroundColor = isWarning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.bar.show();
  }

  private async menu(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    const choices = actions(setting('enable'), document?.languageId, document?.fileName);
    const chosen = await vscode.window.showQuickPick(choices, { title: 'Completer', placeHolder: String(this.bar.tooltip) });
    if (chosen !== undefined) {
      await vscode.commands.executeCommand(chosen.command);
    }
  }

  private async ask<T>(command: string, args: unknown[]): Promise<T | undefined> {
    if (this.client?.state !== State.Running) {
      void vscode.window.showWarningMessage('The completer server does not run.', 'Restart').then((restart) => restart && this.restart());
      return undefined;
    }
    try {
      return await this.client.sendRequest<T>('workspace/executeCommand', { command, arguments: args });
    } catch (error) {
      void vscode.window.showErrorMessage(`Completer: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  private async toggleForGood(entryFor: (editor: vscode.TextEditor) => string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const entries = editor && (await this.ask<string[]>('completer.disabled', []));
    if (editor === undefined || entries === undefined) {
      return;
    }
    const entry = entryFor(editor);
    const off = !entries.includes(entry);
    if ((await this.ask('completer.setDisabled', [entry, off])) !== undefined) {
      void vscode.window.showInformationMessage(`Completions are ${off ? 'off' : 'on'} for ${entry}, in all editors.`);
    }
  }

  private async why(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!setting<boolean>('enable') || editor === undefined) {
      void vscode.window.showInformationMessage(editor ? 'Completions are off (completer.enable).' : 'No file is open.');
      return;
    }
    const reason = await this.ask<string>('completer.why', [editor.document.uri.toString()]);
    if (reason !== undefined) {
      void vscode.window.showInformationMessage(`Completer: ${reason}`);
    }
  }

  private async acceptPart(part: Part, command: string): Promise<void> {
    await vscode.commands.executeCommand(command);
    const editor = vscode.window.activeTextEditor;
    if (editor !== undefined) {
      this.tracking.tookPart(editor.document.uri.toString(), textOf(editor.document), editor.selection.active, part);
    }
  }

  private async dismiss(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor !== undefined) {
      this.tracking.dismissed(editor.document.uri.toString(), textOf(editor.document), editor.selection.active);
    }
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  private async showLog(): Promise<void> {
    const { ok, text } = await run(setting('command'), ['logs']);
    if (ok) {
      this.log.info(text);
    }
    this.log.show();
  }

  private async showStatusMessage(): Promise<void> {
    const { text } = await run(setting('command'), ['status']);
    const known = `${this.status.kind} ${this.status.message}`.trim();
    void vscode.window.showInformationMessage(`Completer: ${known}. ${text.trim()}`);
  }

  private async showOutput(args: string[]): Promise<void> {
    const { ok, text } = await run(setting('command'), args);
    if (!ok) {
      void vscode.window.showErrorMessage(`Completer: ${text}`);
      return;
    }
    const document = await vscode.workspace.openTextDocument({ content: text });
    await vscode.window.showTextDocument(document, { preview: true });
  }

  private async restart(): Promise<void> {
    await this.stop();
    const { ok, text } = await run(setting('command'), ['restart']);
    if (!ok) {
      this.log.info(text);
    }
    await this.start();
  }

  private focused(editor: vscode.TextEditor | undefined): void {
    const document = editor && this.client?.code2ProtocolConverter.asTextDocumentIdentifier(editor.document);
    void this.client?.sendNotification('textDocument/didFocus', document ? { textDocument: document } : {});
  }

  private async settingsChanged(event: vscode.ConfigurationChangeEvent): Promise<void> {
    if (event.affectsConfiguration('completer.enable')) {
      this.show(this.status);
    }
    if (NEED_RESTART.some((name) => event.affectsConfiguration(`completer.${name}`))) {
      await this.stop();
      await this.start();
    }
  }
}

function textOf(document: vscode.TextDocument): Text {
  return {
    between: (start, end) =>
      document.getText(new vscode.Range(start.line, start.character, end.line, end.character)),
  };
}

let extension: Extension | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  extension = new Extension(context);
  await extension.start();
}

export async function deactivate(): Promise<void> {
  await extension?.stop();
}
