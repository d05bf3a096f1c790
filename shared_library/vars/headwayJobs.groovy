// headwayJobs(specs: ['services'], jenkins: 'headway-api-token')
def call(Map given = [:]) {
    String action = given.action ?: 'apply'
    if (!(action in ['plan', 'apply'])) {
        error("headwayJobs: 'action' is plan or apply, not '${action}'")
    }
    Map rest = [specs: ['.']] + given
    rest.remove('action')
    headwayCommand("jobs ${action}".toString(), [
        specs: '', url: '--jenkins-url', prune: '--prune', adopt: '--adopt', only: '--only', teams: '--team',
        maxChanges: '--max-changes', maxDeletes: '--max-deletes', parallel: '--parallel', caBundle: '--ca-bundle',
    ] + (action == 'plan' ? [drift: '--drift', exitCode: '--exit-code'] : [drift: '--drift', dryRun: '--dry-run']), rest)
}
