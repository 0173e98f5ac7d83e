// The pages that there are.

export interface Seen {
  /** Its address behind `#`. */
  hash: string;
  /** Its heading. */
  title: string;
  /** What it is called in the navigation. */
  link: string;
}

export const PAGES: readonly Seen[] = [
  { hash: 'energy', title: 'Energy', link: 'Energy' },
  { hash: 'devices', title: 'Devices', link: 'Devices' },
  { hash: 'phantom', title: 'Phantom load', link: 'Phantom load' },
  { hash: 'unknown', title: 'Unknown loads', link: 'Unknown loads' },
  { hash: 'costs', title: 'Costs', link: 'Costs' },
  { hash: 'sources', title: 'Sources', link: 'Sources' },
  { hash: 'settings', title: 'Settings', link: 'Settings' },
];

/** A device of the demo that is always learned. */
export const DEVICE: Seen = { hash: 'devices/switch.kettle', title: 'Kettle', link: 'Devices' };

export const ALL: readonly Seen[] = [...PAGES, DEVICE];

/** The sections of the settings. */
export const SECTIONS: readonly Seen[] = ['meter', 'names', 'alerts', 'tokens', 'appearance'].map((part) => ({
  hash: `settings/${part}`,
  title: 'Settings',
  link: 'Settings',
}));
