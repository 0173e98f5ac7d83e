// A bug in one page leaves the others, and says so.

import { Component, type ReactNode } from 'react';

interface State {
  error: Error | null;
}

/** React knows no other way to catch what drawing throws than a class. */
export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    if (/dynamically imported module|module script/.test(error.message)) {
      return (
        <div className="card empty" role="alert">
          <h2>This page could not be fetched</h2>
          <p>Wattribute does not answer, or there is a new version of it.</p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Load again
          </button>
        </div>
      );
    }
    return (
      <div className="card empty" role="alert">
        <h2>This page has a bug</h2>
        <p>
          The others still work, and nothing is lost. Please report it with these words: <code>{error.message}</code>
        </p>
        <button type="button" className="button" onClick={() => window.location.reload()}>
          Load again
        </button>
      </div>
    );
  }
}
