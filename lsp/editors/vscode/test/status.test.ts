import assert from 'node:assert/strict';
import { test } from 'node:test';

import { actions, patternFor } from '../src/menu';
import { run } from '../src/program';
import { look } from '../src/status';

test('the status bar shows what the server says', () => {
  assert.deepEqual(look({ busy: false, kind: 'Warning', message: 'full' }, true), {
    text: '$(warning) Completer',
    tooltip: 'full',
    isWarning: true,
  });
  assert.equal(look({ busy: true, kind: 'Normal', message: '' }, true).text, '$(loading~spin) Completer');
  assert.equal(look({ busy: true, kind: 'Normal', message: '' }, false).tooltip, 'Completions are off');
  assert.equal(look({ busy: false, kind: 'Inactive', message: 'disabled here: *.env' }, true).tooltip, 'disabled here: *.env');
});

test('files like one are those with its extension, or of its name', () => {
  assert.equal(patternFor('/repo/a.test.py'), '*.py');
  assert.equal(patternFor('C:\\repo\\Makefile'), 'Makefile');
  assert.equal(patternFor('/repo/.env'), '.env');
});

test('without a file the menu has nothing about one', () => {
  const commands = (language?: string, file?: string): string[] => actions(true, language, file).map((each) => each.command);
  assert.ok(commands('python', 'a.py').includes('completer.toggleLanguage'));
  assert.ok(!commands().includes('completer.toggleLanguage'));
  assert.match(actions(false, undefined, undefined)[0]?.label ?? '', /Turn completions on/);
});

test('what a program says comes back, and what to do where it says nothing', async () => {
  assert.deepEqual(await run(process.execPath, ['-p', '1 + 1']), { ok: true, text: '2\n' });
  assert.match((await run('/no/such/completer', ['logs'])).text, /completer\.command/);
  const old = await run(process.execPath, ['-e', 'console.error("No such command"); process.exit(2)']);
  assert.match(old.text, /Update it/);
});
