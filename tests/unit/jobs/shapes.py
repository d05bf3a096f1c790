"""Jobs for the tests of agent.jobs, each with everything that its shape can have."""

from agent.jobs.shapes import Git, InlineJob, MultibranchJob, Parameter, ScmJob, Triggers, source_id

SCRIPT = """pipeline {
  agent none
  stages {
    stage('Say') {
      steps { sh 'echo "hello $WHO" && test 1 -lt 2' }
    }
  }
}
"""
GIT = Git("https://git.example.com/shop/web.git", "main", "git-shop")
INLINE = InlineJob(
    "The <web> shop & more.",
    SCRIPT,
    30,
    Triggers(push=True, poll="H/5 * * * *", cron="H 3 * * 1-5"),
    (
        Parameter("VERSION", "Which one", "latest"),
        Parameter("TARGET", "Where", choices=("staging", "production")),
    ),
)
SCM = ScmJob("From the repository.", GIT, "ci/Jenkinsfile", 10, Triggers(poll="H/30 * * * *"))
MULTIBRANCH = MultibranchJob(
    "Each branch.", GIT, source_id("shop", "shop/web"), "Jenkinsfile", Triggers(poll="H/30 * * * *")
)
