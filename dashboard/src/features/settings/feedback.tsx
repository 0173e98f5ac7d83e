// What became of what one asked for.

import type { ReactNode } from 'react';
import { Dialog } from '../../components/dialog';

interface Asked {
  isError: boolean;
  isSuccess: boolean;
  isPending: boolean;
  error: Error | null;
}

/** An error in the server's words, or that it is done. */
export function Feedback({ of, done }: { of: Asked; done?: ReactNode }) {
  return (
    <div className="feedback" aria-live="polite">
      {of.isError && <p className="bad">{errorWords(of.error)}</p>}
      {of.isSuccess && done && <p className="ok">{done}</p>}
    </div>
  );
}

export function errorWords(error: unknown): string {
  const words = error instanceof Error ? error.message : 'Something went wrong.';
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/** Asks before something is done that cannot be undone. */
export function Confirm({
  title,
  action,
  asked,
  onConfirm,
  onClose,
  children,
}: {
  title: string;
  action: string;
  asked: Asked;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="stack">{children}</div>
      {asked.isError && (
        <p className="bad" role="alert">
          {errorWords(asked.error)}
        </p>
      )}
      <div className="actions">
        <button type="button" className="button danger" disabled={asked.isPending} onClick={onConfirm}>
          {action}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
