// What was offered, and what a person took of it: what the server cannot see by itself.
//
// The stable API says when an item was accepted whole (its command runs), and nothing else. The server infers from the
// document what was shown, typed over or taken in part, and marks that as inferred. This file tells it for certain what
// a person did by the extension's own keys: the next word, the next line, dismissed.

export interface Place {
  line: number;
  character: number;
}

/** An item that was handed to the editor: it replaces what stands from `start` to the caret by `text`. */
export interface Offer {
  id: string;
  text: string;
  start: Place;
}

/** As much of a document as is looked at. */
export interface Text {
  between(start: Place, end: Place): string;
}

export type Part = 'word' | 'line';

export type Notify = (method: string, params: object) => void;

export class Tracking {
  private uri = '';
  private offers: readonly Offer[] = [];
  private since = 0;

  constructor(
    private readonly notify: Notify,
    private readonly now: () => number = Date.now,
  ) {}

  /** Items went to the editor, for a caret in this document. */
  offered(uri: string, offers: readonly Offer[]): void {
    this.uri = uri;
    this.offers = offers;
    this.since = this.now();
  }

  /** A part was accepted: the caret stands behind it. */
  tookPart(uri: string, text: Text, caret: Place, part: Part): void {
    const offer = this.at(uri, text, caret);
    if (offer !== undefined) {
      const acceptedLength = text.between(offer.start, caret).length;
      this.notify('textDocument/didPartiallyAcceptCompletion', { item: itemOf(offer), acceptedLength, kind: part });
    }
  }

  /** A person took what is at the caret off the screen. */
  dismissed(uri: string, text: Text, caret: Place): void {
    const offer = this.at(uri, text, caret);
    if (offer !== undefined) {
      const shownForMs = Math.max(0, Math.round(this.now() - this.since));
      this.notify('textDocument/didHideCompletion', { item: itemOf(offer), reason: 'esc', shownForMs });
    }
    this.offers = [];
  }

  /** The first offer whose text stands before the caret as far as it goes; for alternatives, the one that fits. */
  private at(uri: string, text: Text, caret: Place): Offer | undefined {
    if (uri !== this.uri) {
      return undefined;
    }
    return this.offers.find(
      (offer) => !isBefore(caret, offer.start) && offer.text.startsWith(plain(text.between(offer.start, caret))),
    );
  }
}

function isBefore(one: Place, other: Place): boolean {
  return one.line < other.line || (one.line === other.line && one.character < other.character);
}

function plain(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** The part of an item by which the server knows it. */
function itemOf(offer: Offer): object {
  return { insertText: offer.text, command: { title: '', command: 'completer.accept', arguments: [offer.id] } };
}
