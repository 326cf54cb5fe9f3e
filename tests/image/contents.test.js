// What is in the image, and nothing else: the program, the libraries that it loads, what those read; no secret, no shell, no way
// up. The figures are printed by ./contents.
import assert from 'node:assert/strict';
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { runCommand } from '../e2e/support/command.js';
import { image, inspectImage, mounted, podman } from './support/containers.js';

const program = '/usr/bin/clink-checkout';
let files;
let inspected;
before(async () => {
    inspected = await inspectImage();
    files = await mounted((root) => walked(root, '/'));
});

/** `[{path, kind, mode, uid, gid, mtime, magic, target}]` of everything below, in order of paths. */
function walked(root, path) {
    return readdirSync(join(root, path)).flatMap((name) => {
        const here = join(path, name);
        const { mode, uid, gid, mtimeMs, ...stat } = lstatSync(join(root, here));
        const kind = { 0o100000: 'file', 0o040000: 'directory', 0o120000: 'link' }[mode & 0o170000] ?? 'other';
        const found = { path: here, kind, mode: mode & 0o7777, uid, gid, mtime: mtimeMs, size: stat.size };
        if (kind === 'file') found.magic = firstBytes(join(root, here));
        if (kind === 'link') found.target = readlinkSync(join(root, here));
        return [found, ...(kind === 'directory' ? walked(root, here) : [])];
    });
}

function firstBytes(file) {
    const bytes = Buffer.alloc(4);
    const descriptor = openSync(file);
    readSync(descriptor, bytes, 0, 4, 0);
    closeSync(descriptor);
    return bytes.toString('latin1');
}

const ofKind = (kind) => files.filter((each) => each.kind === kind);
const isElf = ({ magic }) => magic === '\x7fELF';

test('the only program is the service', () => {
    const elves = ofKind('file').filter(isElf).map(({ path }) => path);
    const others = elves.filter((path) => !/^\/usr\/lib(64)?\/.*\.so(\.[0-9.]+)?$/.test(path));
    assert.deepEqual(others, [program]);
    assert.deepEqual(ofKind('file').filter(({ magic }) => magic.startsWith('#!')), [], 'no scripts');
    const runnable = ofKind('file').filter((each) => each.mode & 0o111 && !isElf(each));
    assert.deepEqual(runnable, []);
});

test('there is no shell to run', async () => {
    for (const shell of ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/busybox']) {
        const status = await podman('run', '--rm', '--network', 'none', '--entrypoint', shell, image, '-c', 'true').catch((error) => error);
        assert.equal(status.code, 127, `${shell}: ${status.stderr ?? status}`);
    }
});

test('every file is root\'s, and nobody else may write one', () => {
    for (const each of files) {
        assert.notEqual(each.kind, 'other', each.path);
        assert.deepEqual([each.uid, each.gid], [0, 0], each.path);
        if (each.kind === 'link' || each.path === '/tmp') continue;
        assert.equal(each.mode & 0o6022, 0, `${each.path} is ${each.mode.toString(8)}`);
    }
});

test('every file bears the same time, so that layers come out the same', () => {
    assert.deepEqual(files.filter(({ mtime }) => mtime !== 0).map(({ path }) => path), []);
});

test('every link leads somewhere', () => {
    const known = new Set(files.map(({ path }) => path));
    for (const { path, target } of ofKind('link')) assert.ok(known.has(join(path, '..', target)) || known.has(target), `${path} -> ${target}`);
});

test('scanners are told of every package, and each brings its licence', () => {
    const of = (pattern) => files.map(({ path }) => pattern.exec(path)?.[1]).filter(Boolean);
    const packages = of(/^\/var\/lib\/dpkg\/status\.d\/(.+)$/);
    for (const name of ['libc6', 'libssl3t64', 'libpq5', 'libpqxx-7.10', 'ca-certificates']) assert.ok(packages.includes(name), name);
    assert.deepEqual(of(/^\/usr\/share\/doc\/(.+)\/copyright$/).sort(), [...packages, 'clink-checkout'].sort());
});

test('the trust anchors are Debian\'s', async () => {
    const bundle = await mounted((root) => readFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8'));
    assert.ok(bundle.match(/-----BEGIN CERTIFICATE-----/g).length > 100);
    assert.equal(files.find(({ path }) => path === '/usr/lib/ssl/cert.pem').target, '/etc/ssl/certs/ca-certificates.crt');
});

test('it has two layers, Debian\'s and the program\'s', async () => {
    assert.equal(inspected.RootFS.Layers.length, 2);
    const sizes = JSON.parse(await podman('history', '--format', 'json', image)).map(({ size }) => size).filter((size) => size > 0);
    assert.equal(sizes.length, 2);
    const own = files.filter(({ path, kind }) => kind === 'file' && (path === program || path.startsWith('/usr/share/doc/clink-checkout/')));
    assert.ok(Math.abs(sizes[0] - own.reduce((sum, { size }) => sum + size, 0)) < 16 * 1024, String(sizes));
});

test('it says what it is and how it is run', () => {
    const { Config: config } = inspected;
    assert.equal(config.User, '10001:10001');
    assert.deepEqual(config.Entrypoint, [program]);
    assert.deepEqual(config.Cmd, ['serve']);
    assert.equal(config.StopSignal, 'SIGTERM');
    assert.deepEqual(Object.keys(config.ExposedPorts).sort(), ['8080/tcp', '9090/tcp']);
    assert.equal(config.Volumes, undefined);
    for (const name of ['title', 'description', 'source', 'licenses', 'version', 'revision'])
        assert.ok(config.Labels[`org.opencontainers.image.${name}`], name);
});

test('it carries no setting, and its history no secret', () => {
    assert.deepEqual(inspected.Config.Env, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
    const told = JSON.stringify([inspected.Config, inspected.History]);
    assert.doesNotMatch(told, /secret|token|password|api_key|signing_key/i);
});

test('it is built of the source that its label names', async () => {
    const { code, stdout } = await runCommand(['version'], {});
    assert.equal(code, 0);
    assert.ok(stdout.includes(inspected.Config.Labels['org.opencontainers.image.revision']), stdout);
    assert.ok(stdout.startsWith(`clink-checkout ${inspected.Config.Labels['org.opencontainers.image.version']} `), stdout);
});
