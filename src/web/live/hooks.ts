// How views follow what changes outside of them: the model, the address, the seconds, the size of things.

import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { OVERVIEW_HASH, type Route, routeOf } from '../model/route.ts';
import { LiveModel } from './live-model.ts';

export const ModelContext = createContext(new LiveModel());

/** The model; the view is drawn again when it changed. */
export function useModel(): LiveModel {
  const model = useContext(ModelContext);
  const [, setCount] = useState(0);
  useEffect(() => model.subscribe(() => setCount((count) => count + 1)), [model]);
  return model;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash || OVERVIEW_HASH);
  useEffect(() => {
    const changed = () => setHash(location.hash || OVERVIEW_HASH);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return routeOf(hash);
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatches(list.matches);
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [query]);
  return matches;
}

/** Width of an element in whole pixels; 0 until it is known. */
export function useWidth(ref: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
