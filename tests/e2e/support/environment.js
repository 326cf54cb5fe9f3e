// Where the things under test are, and where a run leaves its artifacts. Everything comes from environment variables
// that ./run sets; a file run by hand gets the same defaults.
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const suiteDirectory = fileURLToPath(new URL('..', import.meta.url));
export const projectDirectory = resolve(suiteDirectory, '../..');
export const openapiFile = join(projectDirectory, 'openapi.yaml');

export const checkoutBinary = process.env.CHECKOUT_BINARY ?? join(projectDirectory, 'build/clink-checkout');
/** The service with crash points: CHECKOUT_CRASH_AT says at which of them it ends (tests/crash). */
export const crashBinary = process.env.CHECKOUT_CRASH_BINARY ?? join(dirname(checkoutBinary), 'clink-checkout-crash');
export const twinBinary = process.env.CLINK_TWIN_BINARY ?? join(projectDirectory, 'build/clink-twin');
export const chromiumBinary = process.env.CHROMIUM_BINARY ?? '/usr/bin/chromium';

/** Superuser's URI of the cluster that the suites share. */
export function postgresUrl() {
    const url = process.env.TEST_POSTGRES_URL;
    if (!url) throw new Error('TEST_POSTGRES_URL is not set; start the suite with tests/e2e/run');
    return new URL(url);
}

let recordDirectory = process.env.E2E_RECORD_DIR;

/** Logs, dumps, the exercised operations and the secrets used, for the checks that follow the suites. */
export function artifacts() {
    recordDirectory ??= mkdtempSync(join(tmpdir(), 'clink-checkout-e2e.'));
    mkdirSync(recordDirectory, { recursive: true });
    return recordDirectory;
}

/** Whether the run, whose processes share the artifacts, has not given this port before; it has now. */
function claim(port) {
    const given = join(artifacts(), 'ports');
    mkdirSync(given, { recursive: true });
    try {
        closeSync(openSync(join(given, String(port)), 'wx'));
        return true;
    } catch (error) {
        if (error.code === 'EEXIST') return false;
        throw error;
    }
}

/**
 * A port of 127.0.0.1 on which nothing listens, given once in a run. Not one of those from which the kernel takes a
 * client's own: such a port may be in use by the time that a service which was stopped starts again.
 */
export async function freePort() {
    for (;;) {
        const port = randomInt(10_000, 20_000);
        if (!claim(port)) continue;
        const server = createServer();
        const free = await new Promise((done) => {
            server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
        });
        if (!free) continue;
        await new Promise((done) => server.close(done));
        return port;
    }
}

/** Awaits `probe` giving something true, asking every `everyMs`; rejects after `seconds` with what was waited for. */
export async function eventually(what, probe, seconds = 10, everyMs = 20) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const found = await probe();
        if (found) return found;
        if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
        await new Promise((done) => setTimeout(done, everyMs));
    }
}
