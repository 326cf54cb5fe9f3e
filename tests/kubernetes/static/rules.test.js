// The operator's object holds the rules that promtool tests, all of them and as they are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';

import { parse } from 'yaml';

const deploy = (path) => new URL(`../../../deploy/${path}`, import.meta.url);
const read = (path) => parse(readFileSync(deploy(path), 'utf8'));
const groups = readdirSync(deploy('monitoring/rules')).filter((name) => name.endsWith('.yml')).sort()
    .flatMap((name) => read(`monitoring/rules/${name}`).groups);

it('prometheus_rule.yaml is what deploy/kubernetes/components/monitoring/generate makes of the rules', () => {
    const { spec } = read('kubernetes/components/monitoring/prometheus_rule.yaml');
    assert.ok(spec.groups.length > 0);
    assert.deepEqual(spec, { groups });
});

it('the group of rules that the README has people look for is there', () => {
    const readme = readFileSync(deploy('kubernetes/README.md'), 'utf8');
    const [, name] = /lists the group `([\w.-]+)`/.exec(readme);
    assert.ok(groups.some((group) => group.name === name), name);
});
