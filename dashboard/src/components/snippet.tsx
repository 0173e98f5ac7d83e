// Lines to be copied: a command, a piece of a file, a token.

import { useEffect, useRef, useState } from 'react';
import './snippet.css';

/** How long it says that it was copied, ms. */
const SAID_MS = 2_500;

export function Snippet({ text, label }: { text: string; label: string }) {
  const shown = useRef<HTMLPreElement>(null);
  const [said, say] = useState<string | null>(null);
  useEffect(() => {
    if (!said) return;
    const timer = window.setTimeout(() => say(null), SAID_MS);
    return () => window.clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    if (shown.current) select(shown.current);
    say((await copied(text)) ? 'Copied' : 'Marked: copy it with Ctrl C');
  };
  return (
    <div className="snippet">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame and a legend of its own */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keys too */}
      <div role="group" tabIndex={0} aria-label={label}>
        <pre ref={shown}>{text}</pre>
      </div>
      <button type="button" className="button" onClick={() => void copy()} aria-label={`Copy: ${label}`}>
        {said ?? 'Copy'}
      </button>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </div>
  );
}

function select(element: HTMLElement): void {
  const selection = window.getSelection();
  selection?.removeAllRanges();
  const range = document.createRange();
  range.selectNodeContents(element);
  selection?.addRange(range);
}

/** Puts a text on the clipboard; browsers have the newer way only over https and on the machine itself. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand('copy');
  }
}
