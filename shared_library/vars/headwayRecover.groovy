// headwayRecover(spec: 'service.yaml', environment: 'staging', kubeconfigs: ['kubeconfig-staging'])
def call(Map given = [:]) {
    headwayCommand('recover', [
        spec: '', environment: '--env', context: '--context', report: '--report', lockWait: '--lock-wait', anyBuild: '--any-build',
        dryRun: '--dry-run',
    ], [spec: 'service.yaml'] + given)
}
