import assert from 'node:assert/strict';
import { test } from 'node:test';

import { described, identity, type NextEdit } from '../src/edits';

const URI = 'file:///w/a.py';

function edit(oldText: string, text: string, uri = URI): NextEdit {
  const range = { start: { line: 6, character: 0 }, end: { line: 6, character: oldText.length } };
  return { text, oldText, range, textDocument: { uri }, command: { command: 'c', arguments: ['1'] } };
}

test('a change is told in one line', () => {
  assert.equal(described(edit('size', 'width'), URI), '⇥ size → width');
  assert.equal(described(edit('', ', key=None'), URI), '⇥ + , key=None');
  assert.equal(described(edit('a,\n    b', ''), URI), '⇥ - a, b');
});

test('an edit of another file says where it is', () => {
  assert.equal(described(edit('size', 'width', 'file:///w/caf%C3%A9.py'), URI), '⇥ café.py:7  size → width');
});

test('the same edit is known at another place, and another edit is another', () => {
  const moved = { ...edit('size', 'width'), range: { start: { line: 1, character: 2 }, end: { line: 1, character: 6 } } };
  assert.equal(identity(moved), identity(edit('size', 'width')));
  assert.notEqual(identity(edit('siz', 'width')), identity(edit('size', 'width')));
});
