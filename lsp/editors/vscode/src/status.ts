// What the server says of itself, as the status bar shows it.

export interface ServerStatus {
  busy: boolean;
  kind: 'Normal' | 'Warning' | 'Error' | 'Inactive';
  message: string;
}

export interface Look {
  text: string;
  tooltip: string;
  isWarning: boolean;
}

const ICONS = {
  Normal: '$(sparkle)',
  Warning: '$(warning)',
  Error: '$(error)',
  Inactive: '$(circle-slash)',
} as const;

export const STOPPED: ServerStatus = { busy: false, kind: 'Inactive', message: 'The server does not run' };

export function look(status: ServerStatus, enabled: boolean): Look {
  const kind = enabled ? status.kind : 'Inactive';
  const icon = status.busy && enabled ? '$(loading~spin)' : ICONS[kind];
  const message = enabled ? status.message || 'Completions are on' : 'Completions are off';
  return { text: `${icon} Completer`, tooltip: message, isWarning: kind === 'Warning' || kind === 'Error' };
}
