// headwaySmoke(spec: 'service.yaml', environment: 'staging', kubeconfigs: ['kubeconfig-staging'])
def call(Map given = [:]) {
    headwayCommand('smoke', [
        spec: '', environment: '--env', context: '--context', version: '--version', report: '--report',
    ], [spec: 'service.yaml', report: '.headway/report'] + given)
}
