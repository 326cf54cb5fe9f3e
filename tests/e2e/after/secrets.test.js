// After the suites: none of the secrets that they used is in a log line, in the data of a database or in what `ps` shows.
// One column may hold a page's token: sessions.url, while the session can be paid.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { artifacts } from '../support/environment.js';
import { Needles } from '../support/needles.js';

const directory = artifacts();
const read = (name) => readFileSync(join(directory, name), 'utf8');
const named = (prefix, suffix) => readdirSync(directory).filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
const secrets = [...new Set(read('secrets.jsonl').trim().split('\n').map((line) => JSON.parse(line)))];

const needles = new Needles(secrets);

function assertFree(text, where) {
    const bytes = Buffer.from(text);
    const found = needles.findIn(bytes);
    assert.equal(found, undefined, found && `${where}: ...${bytes.subarray(Math.max(0, found.at - 200), found.at)}***`);
}

/** A dump with `sessions.url` blanked in rows that have not ended. */
function withoutOpenPages(dump) {
    let columns;
    return dump
        .split('\n')
        .map((line) => {
            const copy = /^COPY checkout\.sessions \((.*)\) FROM stdin;$/.exec(line);
            if (copy) columns = copy[1].split(', ');
            else if (line === '\\.') columns = undefined;
            else if (columns) {
                const cells = line.split('\t');
                if (cells[columns.indexOf('ended_at')] === '\\N') cells[columns.indexOf('url')] = '';
                return cells.join('\t');
            }
            return line;
        })
        .join('\n');
}

test('there is something to look for, and it would be found', () => {
    assert.ok(secrets.length > 100, `${secrets.length} secrets`);
    for (const secret of secrets) assert.ok(secret.length >= 8);
    for (const secret of secrets) {
        assert.throws(() => assertFree(`x ${secret} y`, 'a line'));
        assert.throws(() => assertFree(secret, 'a line'));
    }
    assert.doesNotThrow(() => assertFree('nothing to be found here', 'a line'));
    assert.ok(named('service-', '.log').length >= 5);
    assert.ok(named('', '.dump').length >= 5);
    assert.ok(named('ps-', '.txt').length >= 5);
});

test('no secret in a log, nor in what a trace collector was sent', () => {
    for (const prefix of ['service-', 'migrate-', 'command-', 'collector-']) for (const name of named(prefix, '.log')) assertFree(read(name), name);
});

test('no secret in the arguments of a process', () => {
    for (const name of named('ps-', '.txt')) assertFree(read(name), name);
});

test('no secret in a table, but for the pages that can be paid', () => {
    let sessions = 0;
    for (const name of named('', '.dump')) {
        const dump = read(name);
        sessions += (dump.match(/^COPY checkout\.sessions /gm) ?? []).length;
        assertFree(withoutOpenPages(dump), name);
    }
    assert.ok(sessions >= 5);
});

test('no checkout address in a log', () => {
    for (const prefix of ['service-', 'collector-'])
        for (const name of named(prefix, '.log')) assert.doesNotMatch(read(name), /\/pay\/sess_/, name);
});

// What cannot start has no log yet, and says so in a sentence.
const whyNotStarted = /^clink-checkout: \S/;

test('every log line is JSON', () => {
    for (const name of named('service-', '.log'))
        for (const [i, line] of read(name).trim().split('\n').filter(Boolean).entries())
            if (i > 0 || !whyNotStarted.test(line)) assert.doesNotThrow(() => JSON.parse(line), `${name}: ${line}`);
});
