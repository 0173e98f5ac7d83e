// A colour belongs to an entity and stays with it on every page, in this browser. Never colour alone: names stand beside it.

/** How many colours there are; `--c1` … in tokens.css. */
export const COLOURS = 20;
const KEY = 'wattribute.colours';

let taken: Record<string, number> | null = null;

function load(): Record<string, number> {
  if (taken) return taken;
  // Without what objects have by themselves: an id may be `constructor`.
  taken = Object.create(null) as Record<string, number>;
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (kept && typeof kept === 'object') {
      for (const [id, n] of Object.entries(kept)) if (Number.isInteger(n) && n >= 1 && n <= COLOURS) taken[id] = n;
    }
  } catch {
    // Without storage, colours hold until the page is left.
  }
  return taken;
}

/** Gives each of these a colour of its own as far as there are some, in their order; who has one keeps it. */
export function colourAll(ids: readonly string[]): void {
  const known = load();
  const uses = new Array<number>(COLOURS + 1).fill(0);
  for (const n of Object.values(known)) uses[n] = (uses[n] ?? 0) + 1;
  let changed = false;
  for (const id of ids) {
    if (known[id]) continue;
    let best = 1;
    for (let n = 2; n <= COLOURS; n += 1) if ((uses[n] ?? 0) < (uses[best] ?? 0)) best = n;
    known[id] = best;
    uses[best] = (uses[best] ?? 0) + 1;
    changed = true;
  }
  if (!changed) return;
  try {
    localStorage.setItem(KEY, JSON.stringify(known));
  } catch {
    // As above.
  }
}

/** The CSS colour of an entity. */
export function colourOf(id: string): string {
  colourAll([id]);
  return `var(--c${load()[id] ?? 1})`;
}

/** A CSS colour as a canvas takes it, in the theme of now. */
export function resolved(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() || '#888' : colour;
}
