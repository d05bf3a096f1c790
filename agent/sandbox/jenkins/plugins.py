"""The plugins of the recorded controller.

Up to pipeline-milestone-step the list is the recorded one (exchange 6); the recording is cut off there, and what
follows are the plugins without which the recorded jobs would not have run. Of those, workflow-job, workflow-cps and
pipeline-model-* carry recorded versions (exchanges 24 and 36); the other versions are of the same month.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Plugin:
    """One installed plugin."""

    short_name: str
    version: str
    active: bool = True


_LISTED = """
ansicolor 542.v03d235fee02d
antisamy-markup-formatter 173.v680e3a_b_69ff3
apache-httpcomponents-client-4-api 4.5.14-269.vfa_2321039a_83
asm-api 9.10.1-216.va_9256d3b_844b_
bootstrap5-api 5.3.8-890.v1c5cf4fa_178e
bouncycastle-api 2.30.1.82-277.v70ca_0b_877184
branch-api 2.1280.v0d4e5b_b_460ef
build-discarder 158.vce570d01ce4c
caffeine-api 3.2.3-194.v31a_b_f7a_b_5a_81
checks-api 402.vca_263b_f200e3
cloudbees-folder 6.1053.vd62fb_b_f7367b_
commons-lang3-api 3.20.0-109.ve43756e2d2b_4
commons-text-api 1.15.0-218.va_61573470393
credentials-binding 725.ve52b_2328a_fde
credentials 1487.va_d001ede2c31
display-url-api 2.217.va_6b_de84cc74b_
durable-task 605.v9a_b_9040c9970
echarts-api 6.0.0-1146.v5c8f3b_8f0573
font-awesome-api 7.0.1-859.v128d3a_efb_6e5
git-client 6.5.0
git 5.10.1
gson-api 2.14.0-201.v8eefe5515533
htmlpublisher 427.1
instance-identity 203.v15e81a_1b_7a_38
ionicons-api 94.vcc3065403257
jackson-annotations2-api 2.22-19.v10a_a_582ea_26e
jackson2-api 2.21.2-436.v29efdb_7418ff
jackson3-api 3.1.4-81.v804303fd947a_
jakarta-activation-api 2.1.4-1
jakarta-mail-api 2.1.5-1
jakarta-xml-bind-api 4.0.9-19.v2b_a_5b_44d9a_1c
javax-activation-api 1.2.0-8
jaxb 2.3.9-143.v5979df3304e6
joda-time-api 2.14.2-193.v422b_efce56e0
jquery3-api 3.7.1-594.vb_3864f326cf0
json-api 20260522-217.v0b_18b_8cd4672
junit 1369.v15da_00283f06
lockable-resources 1469.v52dff5a_80e32
mailer 534.v1b_36f5864073
matrix-auth 3.2.10
matrix-project 870.v9db_fcfc2f45b_
metrics 4.2.37-494.v06f9a_939d33a_
mina-sshd-api-common 2.17.1-187.v0341274c2905
mina-sshd-api-core 2.17.1-187.v0341274c2905
pipeline-build-step 584.vdb_a_2cc3a_d07a_
pipeline-graph-analysis 254.v0f63a_a_447dca_
pipeline-graph-view 661.v6003f4542123
pipeline-groovy-lib 798.v5cc688825312
pipeline-input-step 551.vdff487c5998c
pipeline-milestone-step 152.v6e22b_8cfc66c
pipeline-model-api 2.2289.v6f731d0a_02da_
pipeline-model-definition 2.2289.v6f731d0a_02da_
pipeline-model-extensions 2.2289.v6f731d0a_02da_
pipeline-stage-step 345.va_96187909426
pipeline-stage-tags-metadata 2.2289.v6f731d0a_02da_
plain-credentials 199.v9f8e1f741799
scm-api 728.vc30dcf7a_0df5
script-security 1399.ve6a_66547f6e1
ssh-credentials 372.va_250881b_08cd
structs 362.va_b_695ef4fdf9
timestamper 1.30
token-macro 477.vd4f0dc3cb_cf1
trilead-api 2.284.v1974ea_324382
variant 70.va_d9f17f859e0
workflow-api 1413.v40003d84ef43
workflow-basic-steps 1098.v808b_fd7f8cf4
workflow-cps 4303.v8fa_2a_581f0a_6
workflow-durable-task-step 1464.v2d3f5c68f84c
workflow-job 1571.vb_423c255d6d9
workflow-multibranch 821.vc3b_4ea_780798
workflow-scm-step 466.va_d69e602552b_
workflow-step-api 717.va_99f2c2a_ea_02
workflow-support 1010.vb_b_39488a_9841
"""


def recorded() -> dict[str, Plugin]:
    """A fresh list of the recorded plugins, by short name."""
    listed = (line.split() for line in _LISTED.split("\n") if line)
    return {name: Plugin(name, version) for name, version in listed}


def newer(version: str) -> str:
    """The version that an upgrade brings: `1571.vb_4` becomes `1572.vb_4`."""
    head, dot, tail = version.partition(".")
    digits = "".join(character for character in head if character.isdigit()) or "0"
    return f"{int(digits) + 1}{dot}{tail}"
