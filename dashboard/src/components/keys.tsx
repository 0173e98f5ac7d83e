// The keys, shown by `?`. The pages that take them say what they do with them.

import { useEffect, useState } from 'react';
import { isTyping } from '../lib/keys';
import { Dialog } from './dialog';

const KEYS: readonly [string, string][] = [
  ['1', 'the last hour'],
  ['2', 'the last day'],
  ['3', 'the last week'],
  ['4', 'the last month'],
  ['5', 'the last year'],
  ['R', 'back to now, and ask anew'],
  ['Z', 'zoom into the selection'],
  ['← →', 'earlier, later'],
  ['Esc', 'clear the selection'],
  ['?', 'these keys'],
];

export function Keys() {
  const [isShown, show] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === '?' && !isTyping(event)) show((shown) => !shown);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  if (!isShown) return null;
  return (
    <Dialog title="Keys" onClose={() => show(false)}>
      <dl className="key-value">
        {KEYS.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="sub" style={{ marginTop: 14 }}>
        In the chart: drag to select a stretch, click to clear it, double-click to go back.
      </p>
    </Dialog>
  );
}
