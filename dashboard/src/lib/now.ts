// A clock that parts of the page are drawn by.

import { useEffect, useState } from 'react';

/** Now, ms, anew every so many ms. */
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), every_ms);
    return () => window.clearInterval(timer);
  }, [every_ms]);
  return now;
}
