// What `kustomize build` printed, and how to find one's way in it.
import { execFileSync } from 'node:child_process';

import { parseAllDocuments } from 'yaml';

export class Manifests {
    constructor(documents) {
        this.documents = documents;
    }

    static parse(text) {
        return new Manifests(
            parseAllDocuments(text).map((document) => {
                if (document.errors.length > 0) throw document.errors[0];
                return document.toJS();
            }),
        );
    }

    /** A kustomization's directory, built. */
    static build(directory) {
        const kustomize = process.env.KUSTOMIZE ?? 'kustomize';
        return Manifests.parse(execFileSync(kustomize, ['build', directory], { encoding: 'utf8' }));
    }

    copy() {
        return new Manifests(structuredClone(this.documents));
    }

    all(kind) {
        return this.documents.filter((document) => document.kind === kind);
    }

    find(kind, name) {
        return this.documents.find((document) => document.kind === kind && document.metadata.name === name);
    }

    get(kind, name) {
        const found = this.find(kind, name);
        if (!found) throw new Error(`there is no ${kind} ${name}`);
        return found;
    }

    /** Everything that makes pods: `{owner, labels, spec, containers}`. */
    pods() {
        return this.documents.flatMap((document) => {
            const template = document.kind === 'CronJob' ? document.spec.jobTemplate.spec.template : document.spec?.template;
            if (!template) return [];
            const { spec } = template;
            const containers = [...(spec.initContainers ?? []), ...spec.containers];
            return [{ owner: document, labels: template.metadata?.labels ?? {}, spec, containers }];
        });
    }

    /** The same, for pods that run this project's program. */
    ours() {
        return this.pods().filter((pod) => pod.containers.some(isOurs));
    }

    /** The settings that a container gets as `{name: value}`, from its environment and its ConfigMaps. */
    environment(container) {
        const environment = {};
        for (const { configMapRef } of container.envFrom ?? [])
            Object.assign(environment, this.find('ConfigMap', configMapRef?.name)?.data);
        for (const { name, value } of container.env ?? []) environment[name] = value;
        return environment;
    }
}

/** An image's name without its registry and tag. */
export const imageName = (image) => image.split('@')[0].split('/').pop().split(':')[0];

export const isOurs = (container) => imageName(container.image) === 'clink-checkout';

export const label = (document) => `${document.kind} ${document.metadata.name}`;

/** Whether `matchLabels` (of a selector) holds for labels; a selector without any holds for all. */
export const selects = (matchLabels, labels) =>
    Object.entries(matchLabels ?? {}).every(([name, value]) => labels[name] === value);
