// Readers of values that name things outside: bucket, keys, addresses. They refuse what could only fail later, far from its
// cause. What they cannot know (does the bucket exist?) is asked at start and by `doctor`.

import { isIPv4, isIPv6 } from 'node:net';
import { good, scalarReader, wrong } from './values.ts';

/** S3's limit for a whole key. */
const MAX_KEY_BYTES = 1_024;
/** Long enough for any naming scheme; every key in Redis carries it. */
const MAX_REDIS_PREFIX_CHARS = 200;

/** AWS allows 3 to 63 lower-case characters; Ceph, Swift and old buckets more. Access point ARNs name buckets too. */
export const bucketName = scalarReader((text) => {
  if (/^(s3|https?):\/\//.test(text))
    return wrong('is a URL, but the bare name is wanted', 'give the name alone; S3_KEY_PREFIX takes the rest');
  if (text.startsWith('arn:') && !/\s/.test(text)) return good(text);
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$/.test(text)) return good(text);
  return wrong('is no bucket name', 'give 3 to 63 lower-case letters, digits, dots or dashes');
});

export const keyPrefix = scalarReader((text) => {
  if (text.startsWith('/'))
    return wrong('begins with a slash, which makes a nameless folder', `give ${text.replace(/^\/+/, '') || 'nothing'}`);
  if (Buffer.byteLength(text) > MAX_KEY_BYTES / 2)
    return wrong(`has more than ${MAX_KEY_BYTES / 2} bytes`, 'give a shorter one');
  return good(text);
});

export const keyTemplate = scalarReader((text) => {
  const unknown = [...text.matchAll(/\{[^}]*\}?/g)].map(([found]) => found).find((found) => found !== '{path}');
  if (unknown !== undefined) return wrong(`holds the unknown placeholder ${unknown}`, 'use {path} only');
  if (!text.includes('{path}'))
    return wrong('lacks {path}, so that all files would get the same key', 'put {path} into it');
  return text.startsWith('/')
    ? wrong('begins with a slash, which makes a nameless folder', 'leave the slash out')
    : good(text);
});

export const endpointUrl = scalarReader((text) => {
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return wrong('is no http or https URL', 'give it like https://s3.example.com');
  if (url.username || url.password)
    return wrong('holds credentials', 'give them as S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY');
  if (url.search || url.hash)
    return wrong('holds a query or fragment', 'give scheme, host and port, and a path if the server has one');
  return good(text.replace(/\/+$/, ''));
});

/** May carry credentials or a secret path: it is a secret itself. */
export const webhookUrl = scalarReader((text) => {
  const url = URL.parse(text);
  return url && ['http:', 'https:'].includes(url.protocol)
    ? good(text)
    : wrong('is no http or https URL', 'give it like https://hooks.example.com/tailrace');
});

export const redisUrl = scalarReader((text) => {
  const url = URL.parse(text);
  return url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== ''
    ? good(text)
    : wrong('is no redis:// or rediss:// URL', 'give it like redis://127.0.0.1:6379/0');
});

export const redisKeyPrefix = scalarReader((text) => {
  if (/\s/.test(text)) return wrong('holds white space', 'give it like {tailrace}: or recorder-1:');
  return text.length > MAX_REDIS_PREFIX_CHARS
    ? wrong(`has more than ${MAX_REDIS_PREFIX_CHARS} characters`, 'give a shorter one')
    : good(text);
});

export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));

/** Brackets around an IPv6 address are taken off. */
export const listenAddress = scalarReader((text) => {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  const isName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(address) && !/^[\d.]+$/.test(address);
  return isIPv4(address) || isIPv6(address) || isName
    ? good(address)
    : wrong('is no address', 'give 127.0.0.1, ::1, or an address of this machine; PROM_PORT takes the port');
});
