// Next edits as the server sends them (`completer/nextEdit`), and what a person is told of one.

export interface Range {
  start: { line: number; character: number };
  end: { line: number; character: number };
}

export interface NextEdit {
  text: string;
  oldText: string;
  range: Range;
  textDocument: { uri: string };
  command: { command: string; arguments: unknown[] };
}

/** What an edit is, wherever its document's other edits have moved it: by this a dismissed one is known. */
export function identity(edit: NextEdit): string {
  return [edit.textDocument.uri, edit.oldText, edit.text].join('\0');
}

/** The change in one line; with the place if it is in another file than `uri`. */
export function described(edit: NextEdit, uri: string): string {
  const [before, after] = [oneLine(edit.oldText), oneLine(edit.text)];
  const change = before === '' ? `+ ${after}` : after === '' ? `- ${before}` : `${before} → ${after}`;
  if (edit.textDocument.uri === uri) {
    return `⇥ ${change}`;
  }
  const name = decodeURIComponent(edit.textDocument.uri.slice(edit.textDocument.uri.lastIndexOf('/') + 1));
  return `⇥ ${name}:${edit.range.start.line + 1}  ${change}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\r?\n\s*/g, ' ');
}
