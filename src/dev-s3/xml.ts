// XML, out and in: replies are built from nested pairs, bodies are parsed into plain objects of strings.
//
// Text never becomes markup, whatever a key contains. What cannot be parsed as well-formed XML with the expected root is
// MalformedXML; document types are refused, so that no entity can be declared.

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { S3Error } from './errors.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** An element: its name, and its text or its children. */
export type Xml = readonly [name: string, content: string | number | boolean | readonly Xml[]];

/** A whole document. AWS' results carry the namespace, its errors do not. */
export function xmlDocument(root: Xml, namespace = true): string {
  const [name, content] = root;
  const opening = namespace ? `<${name} xmlns="${NAMESPACE}">` : `<${name}>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${opening}${inner(content)}</${name}>`;
}

function inner(content: Xml[1]): string {
  if (typeof content === 'object') {
    return content.map(([name, nested]) => `<${name}>${inner(nested)}</${name}>`).join('');
  }
  return escapeText(String(content));
}

const REFERENCES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Control characters become references: XML 1.0 cannot hold them, yet S3 keys may contain them and AWS writes them so. */
function escapeText(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (found) => REFERENCES[found] ?? `&#${found.charCodeAt(0)};`);
}

export type ParsedXml = { readonly [name: string]: ParsedXml | readonly ParsedXml[] | string };

const parser = new XMLParser({
  parseTagValue: false,
  ignoreAttributes: true,
  htmlEntities: true,
  isArray: (name) => name === 'Part',
});

/** The children of the root element. @throws S3Error MalformedXML */
export function parseXml(text: string, rootName: string): ParsedXml {
  if (text.includes('<!DOCTYPE') || XMLValidator.validate(text) !== true) throw new S3Error('MalformedXML');
  let document: ParsedXml;
  try {
    document = parser.parse(text);
  } catch {
    throw new S3Error('MalformedXML');
  }
  const root = document[rootName];
  if (root === undefined) throw new S3Error('MalformedXML');
  // An element without children parses as its text.
  return typeof root === 'string' || Array.isArray(root) ? {} : (root as ParsedXml);
}

/** Timestamps in listings: ISO 8601 in UTC. */
export function xmlTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
