// The language client: what it tells the server beyond the protocol, and what it is told.

import * as vscode from 'vscode';
import { LanguageClient, type LanguageClientOptions } from 'vscode-languageclient/node';

import type { ServerStatus } from './status';
import type { Offer, Tracking } from './tracking';

const SELECTOR = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));
const REQUEST = 'textDocument/inlineCompletion';

export function settings(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('completer');
}

export function setting<T>(name: string): T {
  return settings().get(name) as T;
}

export function createClient(
  log: vscode.LogOutputChannel,
  tracking: Tracking,
  showStatus: (status: ServerStatus) => void,
): LanguageClient {
  const options: LanguageClientOptions = {
    documentSelector: SELECTOR,
    outputChannel: log,
    initializationOptions: {
      choices: setting<number>('choices'),
      afterDeletion: setting<boolean>('afterDeletion'),
      disabledIn: setting<string[]>('disabledIn'),
    },
    middleware: {
      provideInlineCompletionItems: (document, position, context, token) =>
        isWanted(context) ? complete(client, tracking, document, position, context, token) : null,
    },
  };
  const server = { command: setting<string>('command'), args: setting<string[]>('arguments') };
  const client = new LanguageClient('completer', 'Completer', server, options);
  client.onNotification('didChangeStatus', showStatus);
  return client;
}

function isWanted({ triggerKind }: vscode.InlineCompletionContext): boolean {
  const asked = triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
  return setting<boolean>('enable') && (asked || setting('ghostText') === 'shown');
}

/** As the language client does it, with how the editor indents. */
async function complete(
  client: LanguageClient,
  tracking: Tracking,
  document: vscode.TextDocument,
  position: vscode.Position,
  context: vscode.InlineCompletionContext,
  token: vscode.CancellationToken,
): Promise<vscode.InlineCompletionItem[] | vscode.InlineCompletionList | undefined | null> {
  const params = client.code2ProtocolConverter.asInlineCompletionParams(document, position, context);
  try {
    const result = await client.sendRequest<never>(REQUEST, { ...params, ...formatting(document) }, token);
    if (token.isCancellationRequested) {
      return null;
    }
    const items = await client.protocol2CodeConverter.asInlineCompletionResult(result, token);
    tracking.offered(document.uri.toString(), offersOf(items, position));
    return items;
  } catch (error) {
    if (!token.isCancellationRequested) {
      client.debug(String(error));
    }
    return null;
  }
}

function formatting(document: vscode.TextDocument): object {
  const options = vscode.window.visibleTextEditors.find((editor) => editor.document === document)?.options;
  if (typeof options?.tabSize !== 'number') {
    return {};
  }
  return { formattingOptions: { tabSize: options.tabSize, insertSpaces: options.insertSpaces === true } };
}

function offersOf(
  items: vscode.InlineCompletionItem[] | vscode.InlineCompletionList | undefined | null,
  caret: vscode.Position,
): Offer[] {
  const list = items == null ? [] : Array.isArray(items) ? items : items.items;
  return list.map((item) => ({
    id: String(item.command?.arguments?.[0] ?? ''),
    text: typeof item.insertText === 'string' ? item.insertText : item.insertText.value,
    start: item.range?.start ?? caret,
  }));
}
