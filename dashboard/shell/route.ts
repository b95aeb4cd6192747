import { useEffect, useState } from 'preact/hooks';

/** What is shown where there is not room for everything, and which task is open. */
export type Route =
  { readonly view: 'list' } | { readonly view: 'new' } | { readonly view: 'task'; readonly id: string };

/** The route lies in the fragment: it survives a reload, and no proxy ever sees it. */
function readRoute(): Route {
  const [path] = location.hash.split('?'); // what comes behind is the list's
  const [, id] = /^#task\/([0-9a-f]{32})$/.exec(path) ?? [];
  if (id !== undefined) return { view: 'task', id };
  return path === '#new' ? { view: 'new' } : { view: 'list' };
}

export const hrefOf = (route: Route): string =>
  route.view === 'task' ? `#task/${route.id}` : route.view === 'new' ? '#new' : '#';

export function go(route: Route): void {
  location.hash = hrefOf(route);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const read = (): void => setRoute(readRoute());
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return route;
}
