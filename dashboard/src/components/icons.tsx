// The icons: thin lines of 24 by 24, in the colour of the text beside them.

import type { Page } from '../lib/route';

interface Props {
  size?: number;
}

const drawn = (path: React.ReactNode) =>
  function Icon({ size = 18 }: Props) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {path}
      </svg>
    );
  };

export const Logo = drawn(<path d="M2 15h5l3-9 4 13 3-8 1.5 4H22" strokeWidth="2.2" />);
export const Bars = drawn(<path d="M4 19V9m5 10V5m5 14v-7m5 7V8" />);
export const Squares = drawn(
  <>
    <rect x="4" y="4" width="7" height="7" rx="2" />
    <rect x="13" y="4" width="7" height="7" rx="2" />
    <rect x="4" y="13" width="7" height="7" rx="2" />
    <rect x="13" y="13" width="7" height="7" rx="2" />
  </>,
);
export const Moon = drawn(<path d="M20 14.5A8 8 0 1 1 9.5 4 6.5 6.5 0 0 0 20 14.5z" />);
export const Question = drawn(
  <>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M12 16.6v.1" />
  </>,
);
export const Coin = drawn(
  <path d="M12 3v18M17 8c0-1.900-2-3-5-3S7 6.100 7 8s2 2.700 5 3.300 5 1.500 5 3.700-2 3.500-5 3.500-5-1.200-5-3.500" />,
);
export const Waves = drawn(
  <>
    <circle cx="12" cy="14" r="3" />
    <path d="M5 14a7 7 0 0 1 14 0M2 14a10 10 0 0 1 20 0" />
  </>,
);
export const Sliders = drawn(
  <>
    <path d="M4 7h10m4 0h2M4 17h4m4 0h8" />
    <circle cx="16" cy="7" r="2" />
    <circle cx="10" cy="17" r="2" />
  </>,
);
export const Dots = drawn(<path d="M5 12h.01M12 12h.01M19 12h.01" strokeWidth="3" />);
export const Left = drawn(<path d="m14 6-6 6 6 6" />);
export const Right = drawn(<path d="m10 6 6 6-6 6" />);
export const Cross = drawn(<path d="M6 6l12 12M18 6 6 18" />);
export const Bell = drawn(<path d="M6 16V11a6 6 0 1 1 12 0v5l1.500 2h-15zM10 20.500a2 2 0 0 0 4 0" />);
export const Outside = drawn(<path d="M10 5H5v14h14v-5M13 5h6v6M19 5l-9 9" />);

export const PAGE_ICONS: Record<Page, (props: Props) => React.ReactElement> = {
  energy: Bars,
  devices: Squares,
  phantom: Moon,
  unknown: Question,
  costs: Coin,
  sources: Waves,
  settings: Sliders,
  more: Dots,
};
