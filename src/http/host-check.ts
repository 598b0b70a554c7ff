// Whether a request was meant for this listener. A page of another origin can make a browser call loopback under a name that it
// controls (DNS rebinding): only the loopback names with our own port are answered. Over the unix socket the file's mode decides.

/** `host` is the Host header; `port` the one that the request came in on. */
export function hostIsOurs(host: string | undefined, port: number): boolean {
  if (host === undefined) return false;
  const [, name = '', givenPort = '80'] = /^(\[[0-9a-f:]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(host) ?? [];
  return Number(givenPort) === port && isLoopbackName(name.toLowerCase());
}

const isLoopbackName = (name: string): boolean =>
  name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
