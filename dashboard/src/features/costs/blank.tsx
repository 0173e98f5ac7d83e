// What stands where nothing is known of a stretch, or not yet.

import { Coin } from '../../components/icons';
import { Empty } from '../../components/states';
import { href } from '../../lib/route';

export function Nothing({ isEver, title }: { isEver: boolean; title: string }) {
  return (
    <Empty title={isEver ? 'Nothing counted yet' : `Nothing is known of ${title}`} icon={<Coin size={28} />}>
      <p>
        {isEver
          ? 'Energy and cost show here as soon as the house is measured for some minutes.'
          : 'The house was not measured then.'}
      </p>
      {isEver && (
        <a className="button" href={href('sources')}>
          Look at the sources
        </a>
      )}
    </Empty>
  );
}
