// headwayDeploy(spec: 'service.yaml', environment: 'staging', image: env.IMAGE, kubeconfigs: ['kubeconfig-staging'])
def call(Map given = [:]) {
    headwayCommand('deploy', [
        spec: '', environment: '--env', context: '--context', image: '--image', version: '--version', report: '--report',
        requireUndo: '--require-undo', allowKnownBad: '--allow-known-bad', lock: '--lock', lockWait: '--lock-wait',
        dryRun: '--dry-run',
    ], [spec: 'service.yaml', report: '.headway/report'] + given)
}
