// The next edit: shown beside its line after an edit, reached and then made with one key.

import * as vscode from 'vscode';
import { State, type LanguageClient } from 'vscode-languageclient/node';

import { setting } from './client';
import { described, identity, type NextEdit } from './edits';

const METHOD = 'completer/nextEdit';
const HIDDEN = 'textDocument/didHideCompletion';
const SHOWN_KEY = 'completer.nextEditShown';
const QUIET_MS = 300;

export class NextEdits {
  private shown: { edit: NextEdit; editor: vscode.TextEditor } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private request = new vscode.CancellationTokenSource();
  private readonly dismissed = new Set<string>();
  private readonly look = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorGhostText.foreground'), margin: '0 0 0 2em' },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });

  constructor(
    context: vscode.ExtensionContext,
    private readonly client: () => LanguageClient | undefined,
  ) {
    context.subscriptions.push(
      this.look,
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
      vscode.window.onDidChangeActiveTextEditor(() => this.hide()),
    );
  }

  /** Ask for the next edit, and show the first that was not dismissed. */
  async ask(byHand = false): Promise<void> {
    this.hide();
    const [client, editor] = [this.client(), vscode.window.activeTextEditor];
    if (client?.state !== State.Running || editor === undefined || setting('nextEdits') === 'off') {
      return;
    }
    const { token } = (this.request = new vscode.CancellationTokenSource());
    const place = client.code2ProtocolConverter.asTextDocumentPositionParams(editor.document, editor.selection.active);
    const params = { ...place, context: { triggerKind: byHand ? 1 : 2 } };
    try {
      const { edits } = await client.sendRequest<{ edits: NextEdit[] }>(METHOD, params, token);
      const edit = edits.find((each) => !this.dismissed.has(identity(each)));
      if (edit !== undefined && !token.isCancellationRequested) {
        await this.show(edit, editor, client);
      }
    } catch (error) {
      client.debug(String(error));
    }
  }

  /** Jump to the edit that is shown, or make it if the caret is in its line already. */
  async take(): Promise<void> {
    const { edit, editor } = this.shown ?? {};
    const client = this.client();
    if (edit === undefined || editor === undefined || client?.state !== State.Running) {
      this.hide(); // so that the key is free again
      return;
    }
    const uri = client.protocol2CodeConverter.asUri(edit.textDocument.uri);
    const range = await client.protocol2CodeConverter.asRange(edit.range);
    const here = editor.document.uri.toString() === uri.toString();
    if (here && editor.selection.active.line === range.start.line) {
      await this.make(edit, uri, range, client);
    } else {
      await vscode.window.showTextDocument(uri, { selection: new vscode.Range(range.start, range.start) });
      await this.ask();
    }
  }

  /** Hide the edit, and offer the same no more. */
  dismiss(): void {
    if (this.shown !== undefined) {
      const { edit } = this.shown;
      this.dismissed.add(identity(edit));
      this.hide();
      void this.client()?.sendNotification(HIDDEN, { item: { command: edit.command }, reason: 'esc' });
    }
  }

  private async make(edit: NextEdit, uri: vscode.Uri, range: vscode.Range, client: LanguageClient): Promise<void> {
    this.hide();
    const change = new vscode.WorkspaceEdit();
    change.replace(uri, range, edit.text);
    if (await vscode.workspace.applyEdit(change)) {
      const { command, arguments: args } = edit.command;
      await client.sendRequest('workspace/executeCommand', { command, arguments: args });
      await this.ask();
    }
  }

  private async show(edit: NextEdit, editor: vscode.TextEditor, client: LanguageClient): Promise<void> {
    const uri = editor.document.uri;
    const here = client.protocol2CodeConverter.asUri(edit.textDocument.uri).toString() === uri.toString();
    const line = editor.document.lineAt(here ? edit.range.start.line : editor.selection.active.line);
    const contentText = described(edit, here ? edit.textDocument.uri : uri.toString());
    this.shown = { edit, editor };
    editor.setDecorations(this.look, [{ range: line.range, renderOptions: { after: { contentText } } }]);
    await vscode.commands.executeCommand('setContext', SHOWN_KEY, true);
    await client.sendNotification('textDocument/didShowInlineEdit', { item: { command: edit.command } });
  }

  private hide(): void {
    clearTimeout(this.timer);
    this.request.cancel();
    this.shown?.editor.setDecorations(this.look, []);
    this.shown = undefined;
    void vscode.commands.executeCommand('setContext', SHOWN_KEY, false);
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    if (event.contentChanges.length === 0 || event.document !== vscode.window.activeTextEditor?.document) {
      return;
    }
    this.hide();
    if (setting('enable') && setting('nextEdits') === 'shown') {
      this.timer = setTimeout(() => void this.ask(), QUIET_MS);
    }
  }
}
