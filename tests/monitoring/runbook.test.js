// The runbook: what it has people ask of Prometheus and of the database can be asked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Database } from '../e2e/support/database.js';
import { runbook } from './support/documents.js';
import { misnamed } from './support/names.js';

const blocks = (language) => [...runbook.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text);
const spans = [...runbook.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, text]) => text.replaceAll('\n', ' '));

let database;
before(async () => {
    database = await Database.create();
    await database.migrate();
});
after(() => database?.drop());

test('its queries for Prometheus are valid and name what exists', () => {
    const queries = spans.filter((text) => /checkout[_:][a-z]|process_|\bup\{/.test(text) && !text.startsWith('select '));
    assert.ok(queries.length > 40);
    for (const query of queries) assert.deepEqual(misnamed(query), [], query);
});

test('its SQL can be planned', async () => {
    const inline = spans.filter((text) => text.startsWith('select '));
    const statements = [...inline, ...blocks('sql').flatMap((text) => text.split(';').filter((each) => each.trim()))];
    assert.ok(statements.length >= 9);
    for (const statement of statements) await assert.doesNotReject(database.query(`explain ${statement}`), statement);
});

test('its links lead to sections', () => {
    const sections = new Set([...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name.toLowerCase()));
    for (const [, name] of runbook.matchAll(/\]\(#(\w+)\)/g)) assert.ok(sections.has(name), name);
});
