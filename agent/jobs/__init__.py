"""Jenkinsfile text -> config.xml -> Plan. Pure."""
