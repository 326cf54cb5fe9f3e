// The dashboard: what dashboard.mjs writes, laid out as Grafana needs it, and every query one that Prometheus can answer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { stringify } from 'yaml';
import { catalogue, dashboard, dashboardQueries, monitoringDirectory, recorded } from './support/documents.js';
import { misnamed } from './support/names.js';
import { familyOf, readPromql } from './support/promql.js';
import { promtool } from './support/promtool.js';

const directory = mkdtempSync(join(tmpdir(), 'clink-checkout-dashboard.'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('dashboard.json is what dashboard.mjs writes', () => {
    const written = join(directory, 'dashboard.json');
    execFileSync(process.execPath, [join(monitoringDirectory, 'dashboard.mjs'), written]);
    assert.equal(readFileSync(join(monitoringDirectory, 'dashboard.json'), 'utf8'), readFileSync(written, 'utf8'));
});

test('every query is valid PromQL, to promtool as a rule', () => {
    const queries = dashboardQueries();
    assert.ok(queries.length > 40);
    const rules = queries.map(({ title, expr }, index) => ({ record: `panel:${index}`, expr, labels: { title } }));
    const file = join(directory, 'queries.yml');
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, text } = promtool(['check', 'rules', file]);
    assert.equal(status, 0, text);
    assert.match(text, new RegExp(`SUCCESS: ${queries.length} rules found`));
});

test('queries name metrics, labels and values that exist, and no variable that does not', () => {
    for (const { title, expr } of dashboardQueries()) {
        assert.ok(!expr.includes('$'), `${title}: ${expr}`);
        assert.deepEqual(misnamed(expr), [], title);
    }
});

test('what is read from the record is never summed over replicas', () => {
    const byRecord = new Set([...catalogue].filter(([, { help }]) => help.endsWith('(record).')).map(([name]) => name));
    assert.ok(byRecord.size >= 10);
    const queries = [...dashboardQueries(), ...recorded.map(({ record, expr }) => ({ title: record, expr }))];
    for (const { title, expr } of queries)
        for (const { name } of readPromql(expr).selectors)
            if (byRecord.has(familyOf(name, catalogue))) assert.match(expr, /^max /, title);
});

test('every metric of the catalogue is on the dashboard', () => {
    const shown = new Set();
    const show = (expr) => {
        for (const { name } of readPromql(expr).selectors) {
            const rule = recorded.find(({ record }) => record === name);
            if (rule) show(rule.expr);
            else shown.add(familyOf(name, catalogue));
        }
    };
    for (const { expr } of dashboardQueries()) show(expr);
    assert.deepEqual([...catalogue.keys()].filter((name) => !shown.has(name)), []);
});

test('panels have ids of their own, titles, the chosen data source, and room that no other takes', () => {
    const taken = new Map();
    const ids = new Set();
    for (const { id, type, title, gridPos: { x, y, w, h }, datasource, targets } of dashboard.panels) {
        assert.ok(Number.isInteger(id) && !ids.has(id), title);
        ids.add(id);
        assert.ok(['row', 'stat', 'timeseries'].includes(type) && title, String(id));
        assert.ok([x, y, w, h].every(Number.isInteger) && x >= 0 && w > 0 && h > 0 && x + w <= 24, title);
        for (let column = x; column < x + w; ++column)
            for (let line = y; line < y + h; ++line) {
                assert.equal(taken.get(`${column},${line}`), undefined, title);
                taken.set(`${column},${line}`, title);
            }
        if (type === 'row') continue;
        const refs = targets.map(({ refId }) => refId);
        assert.equal(new Set(refs).size, refs.length, title);
        for (const each of [{ datasource }, ...targets])
            assert.deepEqual(each.datasource, { type: 'prometheus', uid: '${datasource}' }, title);
    }
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    assert.deepEqual(rows, ['What users feel', 'Money', 'Clink', 'Database', 'Sweeper, webhooks, feed', 'Process']);
    assert.deepEqual(dashboard.templating.list.map(({ name }) => name), ['datasource', 'namespace', 'job']);
});
