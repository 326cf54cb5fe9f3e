// The rules: valid, tested alert by alert, explained in the runbook, and about metrics that exist.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';

import { parse } from 'yaml';

import { openapiFile } from '../e2e/support/environment.js';
import {
    alertNames, alerts, catalogue, dashboardQueries, recorded, ruleGroups, rules, rulesFiles, ruleTestFiles, ruleTests, runbook,
} from './support/documents.js';
import { readPromql } from './support/promql.js';
import { promtool, promtoolBeside } from './support/promtool.js';
import { misnamed } from './support/names.js';

const urgencies = new Set(['today', 'week']);
const firing = /ALERTS\{[^}]*alertname="(\w+)"[^}]*\}/g;

test('the rules are valid, and no file has one twice', () => {
    const { status, text } = promtool(['check', 'rules', '--lint=all', '--lint-fatal', ...rulesFiles]);
    assert.equal(status, 0, text);
});

test('no two files have a group, a recorded series or an alert in common', () => {
    const twice = (values) => values.filter((value, index) => values.indexOf(value) !== index);
    assert.deepEqual(twice(ruleGroups.map(({ name }) => name)), []);
    assert.deepEqual(twice(recorded.map(({ record }) => record)), []);
    assert.deepEqual(twice(alerts.map(({ alert, labels }) => `${alert} ${labels.severity}`)), []);
});

test('unit tests are of all the rules, in the order in which what is recorded comes first', () => {
    const names = ruleGroups.map(({ name }) => name).sort();
    for (const file of ruleTestFiles) {
        const { rule_files: tested, group_eval_order: order } = parse(readFileSync(file, 'utf8'));
        assert.deepEqual([tested, [...order].sort(), order[0]], [['rules/*.yml'], names, 'clink-checkout.recorded'], basename(file));
    }
});

test('what kube-state-metrics and others tell counts only where somebody watches', () => {
    for (const { alert, expr } of alerts)
        if (/\b(kube|certmanager|probe)_/.test(expr)) assert.match(expr, /\* on \(namespace\) group_left \(job\) checkout:watched/, alert);
});

describe('unit tests', { concurrency: 2 }, () => {
    for (const file of ruleTestFiles)
        test(basename(file), async () => {
            const { status, text } = await promtoolBeside(['test', 'rules', file]);
            assert.equal(status, 0, text);
        });
});

test('every alert has a unit test in which it fires and one in which it does not', () => {
    const fires = new Set();
    const quiet = new Set();
    for (const { promql_expr_test: questions = [] } of ruleTests)
        for (const { expr, exp_samples: samples } of questions)
            for (const [, name] of expr.matchAll(firing)) (samples.length > 0 ? fires : quiet).add(name);
    assert.deepEqual([...fires].sort(), [...alertNames].sort());
    assert.deepEqual([...quiet].sort(), [...alertNames].sort());
});

test('every alert says how urgent it is, what is felt, and where to read on', () => {
    for (const { alert, labels, annotations } of alerts) {
        assert.match(alert, /^Checkout[A-Z]\w+$/);
        assert.ok(['page', 'ticket'].includes(labels.severity), alert);
        assert.ok(labels.urgency === undefined || urgencies.has(labels.urgency), alert);
        assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook_url', 'summary'], alert);
        const anchor = `{{ $externalLabels.runbooks }}deploy/monitoring/runbook.md#${alert.toLowerCase()}`;
        assert.equal(annotations.runbook_url, anchor);
        assert.match(annotations.description, /^[A-Z].*\.$/s, alert);
        assert.ok(annotations.summary.length <= 120, alert);
    }
});

test('every alert has its section in the runbook, and every such section its alert', () => {
    const sections = [...runbook.matchAll(/^### (Checkout\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual([...sections].sort(), [...alertNames].sort());
});

test('rules name metrics, labels and values that exist', () => {
    for (const { alert, record, expr } of rules) assert.deepEqual(misnamed(expr), [], alert ?? record);
});

/** Prometheus 3 stores le="600" as le="600.0"; Prometheus 2 and the service itself say 600. */
test('no whole number is asked for as a bucket in one spelling alone', () => {
    for (const { title, expr } of [...rules.map(({ alert, record, expr }) => ({ title: alert ?? record, expr })), ...dashboardQueries()])
        for (const { matchers } of readPromql(expr).selectors)
            for (const { label, op, value } of matchers) {
                if (label !== 'le' || value === '+Inf') continue;
                const matches = (le) => (op === '=~' ? new RegExp(`^(?:${value})$`).test(le) : op === '=' && le === value);
                const whole = /^\d+/.exec(value)[0];
                const fraction = /^\d+\.\d*[1-9]$/.test(value);
                assert.ok(fraction || (matches(whole) && matches(`${whole}.0`)), `${title}: le${op}"${value}"`);
            }
});

test('what is recorded is used', () => {
    const used = new Set(rules.flatMap(({ expr }) => readPromql(expr).selectors.map(({ name }) => name)));
    for (const { record } of recorded) assert.ok(used.has(record) || record === 'checkout:sessions:max', record);
});

test('every kind of discrepancy has one urgency', () => {
    const kindsOf = (name, severity = 'ticket') => {
        const { selectors } = readPromql(alerts.find(({ alert, labels }) => alert === name && labels.severity === severity).expr);
        return selectors[0].matchers.find(({ label }) => label === 'kind').value.split('|');
    };
    assert.deepEqual(kindsOf('CheckoutDiscrepanciesPilingUp', 'page'), kindsOf('CheckoutMoneyDiscrepancy'));
    assert.deepEqual(kindsOf('CheckoutDiscrepanciesPilingUp', 'ticket'), kindsOf('CheckoutDiscrepancyWaiting'));
    const named = [...kindsOf('CheckoutMoneyDiscrepancy'), ...kindsOf('CheckoutDiscrepancyWaiting'), 'stuck_unknown'];
    assert.deepEqual(named.sort(), [...catalogue.get('checkout_discrepancies_open').values.kind].sort());
});

test('every problem with a 5xx is told apart as ours or Clink\'s', () => {
    const rows = readFileSync(openapiFile, 'utf8').match(/^ *\| 5\d\d \|.*$/gm);
    const codes = rows.flatMap((row) => [...row.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code));
    assert.ok(codes.length >= 7, codes.join());
    const [{ matchers }] = readPromql(recorded.find(({ record }) => record === 'checkout:errors:rate5m').expr).selectors;
    const ours = matchers.find(({ label }) => label === 'code').value.split('|');
    assert.deepEqual(codes.filter((code) => !code.startsWith('clink_')).sort(), ours.sort());
});
