import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tracking, type Place, type Text } from '../src/tracking';

const URI = 'file:///a.py';

function textOf(content: string): Text {
  const lines = content.split('\n');
  const offset = (place: Place): number =>
    lines.slice(0, place.line).reduce((sum, line) => sum + line.length + 1, 0) + place.character;
  return { between: (start, end) => content.slice(offset(start), offset(end)) };
}

function tracked(): { sent: [string, object][]; tracking: Tracking; clock: { ms: number } } {
  const sent: [string, object][] = [];
  const clock = { ms: 1000 };
  const tracking = new Tracking((method, params) => sent.push([method, params]), () => clock.ms);
  const start = { line: 0, character: 0 };
  tracking.offered(URI, [
    { id: 's-0', text: 'total = 😋 + 1\nprint(total)', start },
    { id: 's-1', text: 'total = 2', start },
  ]);
  return { sent, tracking, clock };
}

function item(id: string, insertText: string): object {
  return { insertText, command: { title: '', command: 'completer.accept', arguments: [id] } };
}

test('a word that was accepted counts UTF-16 units from the start of the item', () => {
  const { sent, tracking } = tracked();
  tracking.tookPart(URI, textOf('total = 😋'), { line: 0, character: 10 }, 'word');
  const first = item('s-0', 'total = 😋 + 1\nprint(total)');
  assert.deepEqual(sent, [
    ['textDocument/didPartiallyAcceptCompletion', { item: first, acceptedLength: 10, kind: 'word' }],
  ]);
});

test('the alternative whose text is there is the one that was taken', () => {
  const { sent, tracking } = tracked();
  tracking.tookPart(URI, textOf('total = 2'), { line: 0, character: 9 }, 'line');
  assert.deepEqual(sent[0]?.[1], { item: item('s-1', 'total = 2'), acceptedLength: 9, kind: 'line' });
});

test('what is of another document, or does not fit, is not reported', () => {
  const { sent, tracking } = tracked();
  tracking.tookPart('file:///b.py', textOf('total'), { line: 0, character: 5 }, 'word');
  tracking.tookPart(URI, textOf('other'), { line: 0, character: 5 }, 'word');
  tracking.dismissed(URI, textOf('other'), { line: 0, character: 5 });
  assert.deepEqual(sent, []);
});

test('a dismissal says how long it was there, once', () => {
  const { sent, tracking, clock } = tracked();
  clock.ms = 1250;
  tracking.dismissed(URI, textOf('tot'), { line: 0, character: 3 });
  tracking.dismissed(URI, textOf('tot'), { line: 0, character: 3 });
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0]?.[0], 'textDocument/didHideCompletion');
  assert.deepEqual({ ...sent[0]?.[1], item: 0 }, { item: 0, reason: 'esc', shownForMs: 250 });
});
