// The operator's object holds the rules that promtool tests, all of them and as they are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';

import { parse } from 'yaml';

const read = (path) => parse(readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8'));

it('prometheus_rule.yaml is what deploy/kubernetes/components/monitoring/generate makes of rules.yml', () => {
    const { spec } = read('kubernetes/components/monitoring/prometheus_rule.yaml');
    assert.ok(spec.groups.length > 0);
    assert.deepEqual(spec, read('monitoring/rules.yml'));
});

it('the group of rules that the README has people look for is there', () => {
    const readme = readFileSync(new URL('../../../deploy/kubernetes/README.md', import.meta.url), 'utf8');
    const [, name] = /lists the group `([\w.-]+)`/.exec(readme);
    assert.ok(read('monitoring/rules.yml').groups.some((group) => group.name === name), name);
});
