"""The data of the example: a two-joint arm (arm.xml) in MuJoCo, driven by an expert to random targets. Needs mujoco and numpy.
"""
from pathlib import Path

import mujoco
import numpy as np

STEPS = 80  # control steps of each reach, 0.01 s
LINK = 0.5  # length of each link in arm.xml, metres
STIFFNESS, DAMPING = 40.0, 12.0  # of the expert's reach: joint acceleration per rad and per rad/s
JOINT_LOW, JOINT_HIGH = [-1.5, 0.4], [1.5, 2.4]  # shoulder and elbow angles that starts and targets are drawn from


def fingertip(angles):
    """Where the fingertip [2] is at joint angles [2]."""
    shoulder, elbow = angles
    return LINK * np.array([np.cos(shoulder) + np.cos(shoulder + elbow), np.sin(shoulder) + np.sin(shoulder + elbow)])


def joint_angles(point):
    """The joint angles, elbow bent to the left, that put the fingertip on a point within reach."""
    elbow = np.arccos(np.clip(point @ point / (2 * LINK**2) - 1, -1, 1))
    shoulder = np.arctan2(point[1], point[0]) - elbow / 2  # links of equal length
    return np.array([shoulder, elbow])


def expert_torque(model, data, target):
    """Computed-torque control: a spring and a damper say how the joints should accelerate towards the target, and
    MuJoCo's inverse dynamics says which torques [2] do that (inertia, Coriolis forces and joint damping included)."""
    data.qacc[:] = STIFFNESS * (joint_angles(target) - data.qpos) - DAMPING * data.qvel
    mujoco.mj_inverse(model, data)
    return data.qfrc_inverse.copy()


def observe(data, target):
    """What the network sees [10]: cosines and sines of the joint angles, target position, joint velocities, vector
    from target to fingertip."""
    to_fingertip = data.site("fingertip").xpos[:2] - target
    return np.concatenate([np.cos(data.qpos), np.sin(data.qpos), target, data.qvel, to_fingertip])


def simulate(seed, episodes, kept_of_each):
    """States [N, 10] and expert torques [N, 2] in newton metres: kept_of_each random moments of every reach."""
    rng = np.random.default_rng(seed)
    model = mujoco.MjModel.from_xml_path(str(Path(__file__).with_name("arm.xml")))
    data = mujoco.MjData(model)
    states, torques, misses = [], [], []
    for _ in range(episodes):
        mujoco.mj_resetData(model, data)
        data.qpos[:] = rng.uniform(JOINT_LOW, JOINT_HIGH)
        data.qvel[:] = rng.normal(size=2)
        target = fingertip(rng.uniform(JOINT_LOW, JOINT_HIGH))
        data.mocap_pos[0, :2] = target
        kept = set(rng.choice(STEPS, kept_of_each, replace=False))
        for step in range(STEPS):
            mujoco.mj_forward(model, data)
            torque = expert_torque(model, data, target)
            if step in kept:
                states.append(observe(data, target))
                torques.append(torque)
            data.ctrl[:] = torque
            mujoco.mj_step(model, data)
        misses.append(np.linalg.norm(fingertip(data.qpos) - target))
    print(f"{len(states)} samples of {episodes} reaches, which end {100 * np.mean(misses):.1f} cm from the target")
    return np.array(states), np.array(torques)
