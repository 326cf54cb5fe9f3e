// What the manifests have to agree with, read where it is said: the program's --help, openapi.yaml, the README's commands.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

const root = new URL('../../../', import.meta.url);
const binary = process.env.CHECKOUT_BINARY ?? new URL('build/clink-checkout', root).pathname;
const read = (path) => readFileSync(new URL(path, root), 'utf8');

/** `{NAME: {secret, requiredBy: [command]}}` of every setting. */
export function settings() {
    const help = execFileSync(binary, ['--help'], { encoding: 'utf8' });
    const found = {};
    for (const [, head, text] of help.matchAll(/^ {2}([A-Z][A-Z0-9_]+(?: or [A-Z0-9_]+)?)\n((?: {6}.*\n)+)/gm)) {
        const [name, file] = head.split(' or ');
        const required = /Required by ([a-z, ]+)\./.exec(text);
        found[name] = { file: file !== undefined, requiredBy: required ? required[1].split(', ') : [] };
    }
    if (Object.keys(found).length < 20) throw new Error(`--help of ${binary} could not be read`);
    return found;
}

/** What the program says of arguments and settings before it does anything: its lines on standard error. */
export const complaints = (args, environment) =>
    spawnSync(binary, args, { env: environment, encoding: 'utf8', timeout: 10000 }).stderr.split('\n').filter(Boolean);

/** The paths of openapi.yaml. */
export const paths = () => new Set(Object.keys(parse(read('openapi.yaml')).paths));

/** `{secret: Set of keys}` that the README's commands make. */
export function documentedSecrets(readme = read('deploy/kubernetes/README.md')) {
    const found = {};
    for (const [, kind, name, rest] of readme.matchAll(/create secret (generic|tls) (\S+)((?: \\\n|[^\n\\])*)/g)) {
        const keys = kind === 'tls' ? ['tls.crt', 'tls.key'] : [...rest.matchAll(/--from-file=([\w.]+)/g)].map((match) => match[1]);
        found[name] = new Set(keys);
    }
    for (const [, name, key] of readme.matchAll(/With component `[\w-]+` the Secret `([\w-]+)` also has `--from-file=([\w.]+)`/g)) found[name]?.add(key);
    return found;
}

/** The files that the README's connection strings name as the authority of PostgreSQL's certificate. */
export const documentedAuthorities = (readme = read('deploy/kubernetes/README.md')) =>
    new Set([...readme.matchAll(/sslrootcert=(\/[\w./-]+)/g)].map(([, path]) => path));

export const readFacts = () => ({
    settings: settings(), complaints, paths: paths(), secrets: documentedSecrets(), authorities: documentedAuthorities(),
});
