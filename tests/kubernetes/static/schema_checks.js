// Whether Kubernetes would take the manifests: types, required fields, and no field that it does not know.
import { createRequire } from 'node:module';

import { label } from './manifests.js';

const require = createRequire(import.meta.url);

function findModel({ apiVersion, kind }) {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    const library = group === 'monitoring.coreos.com' ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
    return require([library, group, version, kind].filter(Boolean).join('/'))[kind];
}

/** Wraps a document so that every member that is looked at is noted in `seen` by its path. */
function watched(value, path, seen) {
    if (value === null || typeof value !== 'object') return value;
    return new Proxy(value, {
        get(target, key, receiver) {
            const member = Reflect.get(target, key, receiver);
            if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return member;
            seen.add(`${path}/${key}`);
            return watched(member, `${path}/${key}`, seen);
        },
    });
}

function* members(value, path = '') {
    if (value === null || typeof value !== 'object') return;
    for (const [key, member] of Object.entries(value)) {
        yield `${path}/${key}`;
        yield* members(member, `${path}/${key}`);
    }
}

/** What a document's own validator says of it: the error, if there is one, and the members that it looked at. */
function validate(document) {
    const Model = findModel(document);
    const seen = new Set();
    try {
        Model.prototype.validate.call(watched(new Model(document), '', seen));
        return { seen };
    } catch (error) {
        return { seen, error };
    }
}

const isKnown = (document) => {
    try {
        return Boolean(findModel(document));
    } catch (error) {
        if (['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(error.code)) return false;
        throw error;
    }
};

export const schemaChecks = {
    'every kind is one that is known'({ documents }) {
        return documents.filter((document) => !isKnown(document)).map((document) => `${document.apiVersion} ${label(document)}`);
    },

    'types are right and required fields are there'({ documents }) {
        return documents.filter(isKnown).flatMap((document) => {
            const { error } = validate(document);
            return error ? [`${label(document)}: ${error.message}`] : [];
        });
    },

    /** A validator reads each field that it knows; what it never read is a typing error, which a server would drop. */
    'no field is unknown'({ documents }) {
        return documents.filter(isKnown).flatMap((document) => {
            const { seen } = validate(document);
            return [...members(document)].filter((path) => !seen.has(path)).map((path) => `${label(document)}: ${path}`);
        });
    },
};
