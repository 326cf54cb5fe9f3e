// The patches of deploy/kubernetes/load_balancers.md: each kind of balancer, on production with its component, passes the checks.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, describe, it } from 'node:test';

import { parse, stringify } from 'yaml';

import { checks } from './checks.js';
import { readFacts } from './facts.js';
import { Manifests } from './manifests.js';

const deploy = new URL('../../../deploy/kubernetes/', import.meta.url).pathname;
const sections = new Map(
    readFileSync(join(deploy, 'load_balancers.md'), 'utf8').split(/^## /m).map((text) => {
        const [heading] = text.split('\n', 1);
        return [heading, [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block]) => parse(block))];
    }),
);
const [[, [common]], ...balancers] = sections;
const facts = readFacts();
// Types that are no part of Kubernetes itself.
const { 'every kind is one that is known': known, ...rest } = checks;

/** Production with the component, a section's patches, and what objects it names. */
function build(directory, blocks) {
    const parts = blocks.filter(({ kind }) => !kind);
    writeFileSync(join(directory, 'objects.yaml'), blocks.filter(({ kind }) => kind).map((block) => stringify(block)).join('---\n'));
    writeFileSync(join(directory, 'kustomization.yaml'), stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        namespace: 'checkout',
        resources: [relative(directory, join(deploy, 'overlays/production')), ...(blocks.length > parts.length ? ['objects.yaml'] : [])],
        components: [relative(directory, join(deploy, 'components/load-balancer'))],
        patches: [common, ...parts].flatMap(({ patches }) => patches),
    }));
    return Manifests.build(directory);
}

describe('load balancers', () => {
    const directory = mkdtempSync(join(tmpdir(), 'clink-checkout-balancer.'));
    after(() => rmSync(directory, { recursive: true, force: true }));

    assert.deepEqual(balancers.map(([name]) => name.split(/[ :]/)[0]), ['AWS', 'Google', 'Gateway']);
    for (const [name, blocks] of balancers)
        it(name, () => {
            const manifests = build(directory, blocks);
            const offences = Object.entries(rest).flatMap(([what, find]) => find(manifests, facts).map((text) => `${what}: ${text}`));
            assert.deepEqual(offences, []);
            assert.match(JSON.stringify(manifests.get('NetworkPolicy', 'clink-checkout-load-balancer')), /10\.20\.0\.0\/20/);
            const own = ['Ingress', 'BackendConfig', 'HealthCheckPolicy'].map((kind) => JSON.stringify(manifests.find(kind, 'clink-checkout') ?? ''));
            assert.match(own.join(), /9090/);
            assert.match(own.join(), /"\/livez"/);
        });
});
