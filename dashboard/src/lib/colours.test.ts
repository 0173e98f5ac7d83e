import { beforeEach, describe, expect, it, vi } from 'vitest';

let kept: Record<string, string>;

/** The module as a page that was just opened has it, with what this browser keeps. */
async function opened() {
  vi.resetModules();
  return await import('./colours');
}

beforeEach(() => {
  kept = {};
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, value: string) => {
      kept[key] = value;
    },
  });
});

/** Any of them. */
const COLOUR = /^var\(--c([1-9]|1\d|20)\)$/;

const ids = (count: number, prefix = 'light.') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

describe('a colour', () => {
  it('is another for each as long as there are some, at least for the first twelve', async () => {
    const { COLOURS, colourAll, colourOf } = await opened();
    expect(COLOURS).toBeGreaterThanOrEqual(12);
    colourAll(ids(COLOURS));
    const colours = ids(COLOURS).map(colourOf);
    expect(new Set(colours).size).toBe(COLOURS);
    for (const colour of colours) expect(colour).toMatch(COLOUR);
  });

  it('is shared evenly by more than there are', async () => {
    const { COLOURS, colourAll, colourOf } = await opened();
    const many = ids(COLOURS * 2 + 3);
    colourAll(many);
    const uses = new Map<string, number>();
    for (const id of many) uses.set(colourOf(id), (uses.get(colourOf(id)) ?? 0) + 1);
    expect([...uses.values()].every((count) => count === 2 || count === 3)).toBe(true);
  });

  it('stays with its entity when others come and the order changes', async () => {
    const { colourAll, colourOf } = await opened();
    colourAll(ids(3));
    const before = ids(3).map(colourOf);
    colourAll(['switch.new', ...ids(3).reverse()]);
    expect(ids(3).map(colourOf)).toEqual(before);
    expect(before).not.toContain(colourOf('switch.new'));
  });

  it('is the same when the page is opened again', async () => {
    const first = await opened();
    const before = ['light.a', 'light.b', 'light.c'].map(first.colourOf);
    const second = await opened();
    expect(['light.c', 'light.a', 'light.b'].map(second.colourOf)).toEqual([before[2], before[0], before[1]]);
  });

  it('is given though nothing can be kept', async () => {
    vi.stubGlobal('localStorage', {
      getItem: () => {
        throw new Error('denied');
      },
      setItem: () => {
        throw new Error('full');
      },
    });
    const { colourOf } = await opened();
    expect(colourOf('light.a')).toBe(colourOf('light.a'));
    expect(colourOf('light.a')).not.toBe(colourOf('light.b'));
  });

  it('is given anew where what is kept makes no sense', async () => {
    for (const text of ['not JSON', '[]', 'null', '{"light.a": 99, "light.b": "red", "light.c": 1.5}']) {
      kept['wattribute.colours'] = text;
      const { colourOf } = await opened();
      expect(colourOf('light.a')).toMatch(COLOUR);
    }
  });

  it('is one also for ids that objects have by themselves', async () => {
    const { colourOf } = await opened();
    for (const id of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(colourOf(id)).toMatch(COLOUR);
      expect(colourOf(id)).toBe(colourOf(id));
    }
  });
});
