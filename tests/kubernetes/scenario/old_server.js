// The test's API server is Kubernetes 1.20, of which three of our kinds are only there under the names they had before they
// were stable, and some younger fields not at all. What is served otherwise is what the overlay says.
const formerVersions = {
    'policy/v1 PodDisruptionBudget': 'policy/v1beta1',
    'autoscaling/v2 HorizontalPodAutoscaler': 'autoscaling/v2beta2',
    'batch/v1 CronJob': 'batch/v1beta1',
};

/** A copy of manifests in the words of Kubernetes 1.20. */
export function forOldServer(manifests) {
    const copy = manifests.copy();
    for (const document of copy.documents) {
        document.apiVersion = formerVersions[`${document.apiVersion} ${document.kind}`] ?? document.apiVersion;
        if (document.kind === 'PodDisruptionBudget') delete document.spec.unhealthyPodEvictionPolicy;
        if (document.kind === 'CronJob') {
            delete document.spec.timeZone;
            delete document.spec.jobTemplate.spec.podFailurePolicy;
        }
        for (const constraint of document.spec?.template?.spec?.topologySpreadConstraints ?? []) delete constraint.matchLabelKeys;
    }
    return copy;
}
