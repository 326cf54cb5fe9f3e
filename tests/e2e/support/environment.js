// Where the things under test are, and where a run leaves its artifacts. Everything comes from environment variables
// that ./run sets; a file run by hand gets the same defaults.
import { mkdirSync, mkdtempSync } from 'node:fs';
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

/** A port of 127.0.0.1 that was free a moment ago. */
const given = new Set();

/** A port that is free now, and that this process was not given before: the kernel may well name one twice. */
export async function freePort() {
    const server = createServer();
    await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    if (given.has(port)) return freePort();
    given.add(port);
    return port;
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
