// headwayUndo(spec: 'service.yaml', environment: 'staging', kubeconfigs: ['kubeconfig-staging'])
def call(Map given = [:]) {
    headwayCommand('undo', [
        spec: '', environment: '--env', context: '--context', toRelease: '--to-release', toRevision: '--to-revision', toImage: '--to-image',
        report: '--report', lockWait: '--lock-wait', dryRun: '--dry-run',
    ], [spec: 'service.yaml', report: '.headway/report'] + given)
}
