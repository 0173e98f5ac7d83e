// The table beside a drawing, for who would rather read or cannot see it.

import type { ReactNode } from 'react';

export function TableBeside({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details className="table-toggle">
      <summary>As a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys */}
      <section className="table-wrap" tabIndex={0} aria-label={label}>
        <table>{children}</table>
      </section>
    </details>
  );
}
