// What the status bar's menu offers.

export interface Action {
  label: string;
  command: string;
}

/** The pattern for files like this one: by extension, or by name where there is none. */
export function patternFor(fileName: string): string {
  const name = fileName.split(/[\\/]/).pop() ?? '';
  const dot = name.lastIndexOf('.');
  return dot > 0 ? `*${name.slice(dot)}` : name;
}

export function actions(enabled: boolean, language: string | undefined, fileName: string | undefined): Action[] {
  const here: Action[] = [];
  if (language !== undefined && fileName !== undefined) {
    here.push(
      { label: `$(symbol-namespace) On or off for ${language}`, command: 'completer.toggleLanguage' },
      { label: `$(file) On or off for ${patternFor(fileName)}`, command: 'completer.toggleFiles' },
      { label: '$(question) Why was nothing shown?', command: 'completer.whyNothing' },
    );
  }
  return [
    { label: enabled ? '$(circle-slash) Turn completions off' : '$(sparkle) Turn completions on', command: 'completer.toggle' },
    ...here,
    { label: '$(info) Status', command: 'completer.status' },
    { label: '$(output) Log', command: 'completer.showLog' },
    { label: '$(graph) Report', command: 'completer.report' },
    { label: '$(debug-restart) Restart', command: 'completer.restart' },
    { label: '$(settings-gear) Settings', command: 'completer.settings' },
  ];
}
