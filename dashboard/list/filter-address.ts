import { useEffect, useState } from 'preact/hooks';
import { GROUPS, type Filter } from '../tasks/filter.js';

/** The filter of the list. It lies in the address, behind the route: it survives a reload. */
export function useFilter(): [Filter, (filter: Filter) => void] {
  const [filter, setFilter] = useState(readFilter);
  useEffect(() => {
    const write = (): void => {
      const before = location.hash || '#';
      const hash = before.split('?')[0] + queryOf(filter);
      if (hash !== before) history.replaceState(history.state, '', hash);
    };
    write();
    addEventListener('hashchange', write); // links lead to routes alone
    return () => removeEventListener('hashchange', write);
  }, [filter]);
  return [filter, setFilter];
}

function readFilter(): Filter {
  const [, query] = location.hash.split('?');
  const values = new URLSearchParams(query);
  const group = GROUPS.find((name) => name === values.get('show')) ?? 'all';
  return { group, text: values.get('search') ?? '' };
}

function queryOf({ group, text }: Filter): string {
  const values = new URLSearchParams();
  if (group !== 'all') values.set('show', group);
  if (text !== '') values.set('search', text);
  return values.size === 0 ? '' : `?${values.toString()}`;
}
