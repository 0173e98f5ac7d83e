// How wide a part of the page is, so that drawings are drawn at their real size and text in them stays readable.

import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** A ref, and the width of what it is put on, px; 0 before it is known. */
export function useWidth<T extends HTMLElement>(): [RefObject<T | null>, number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(Math.floor(element.getBoundingClientRect().width));
    const observer = new ResizeObserver((entries) => {
      const found = entries.at(-1)?.contentRect.width;
      if (found !== undefined) setWidth(Math.floor(found));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
