// Which paths of a folder are watched. Patterns are relative to the folder, with `/`; one without a slash matches the base name, at any
// depth. A folder that is excluded takes all below it with it; `include` asks for files only. Dot files are like others here:
// the defaults of the configuration exclude them.

import picomatch from 'picomatch';

export interface Globs {
  /** For the path of a file, relative to its watched folder. */
  allowsFile(relativePath: string): boolean;
  /** Whether a folder's insides may hold anything that is allowed; '' is the watched folder itself. */
  allowsFolder(relativePath: string): boolean;
}

export function createGlobs(include: readonly string[], exclude: readonly string[]): Globs {
  const included = matcherOf(include);
  const excluded = matcherOf(exclude);
  const notExcluded = (path: string): boolean => path === '' || selfAndAbove(path).every((part) => !excluded(part));
  return {
    allowsFile: (path) => included(path) && notExcluded(path),
    allowsFolder: notExcluded,
  };
}

/** `a/b/c` gives `a`, `a/b`, `a/b/c`. */
function selfAndAbove(path: string): string[] {
  const parts: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    parts.push(path.slice(0, slash));
  }
  return [...parts, path];
}

function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  const matchers = patterns.map((given) => {
    const pattern = given.replace(/^\.?\//, '').replace(/\/+$/, '');
    // In a list that is or-ed, "not" would match nearly everything: a leading `!` is an ordinary character.
    // `s`: a line feed or U+2028 in a name is a character like others; `.` would stop there, and the file be silently passed over.
    return picomatch(pattern, { dot: true, nonegate: true, basename: !pattern.includes('/'), flags: 's' });
  });
  return (path) => matchers.some((matches) => matches(path));
}
