declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 17
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 18
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 19
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 20
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 21
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 22
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 23
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 5
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr ptr, ptr %slots, i64 %v16
  %v18 = load ptr, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 13
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr ptr, ptr %slots, i64 %v20
  %v22 = load ptr, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 16
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr ptr, ptr %slots, i64 %v24
  %v26 = load ptr, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr i64, ptr %rec, i64 1
  %v28 = load i64, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 0
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 4
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 3
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 7
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 6
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = getelementptr i64, ptr %rec, i64 10
  %v40 = load i64, ptr %v39, align 8, !invariant.load !0
  %v41 = getelementptr i64, ptr %rec, i64 9
  %v42 = load i64, ptr %v41, align 8, !invariant.load !0
  %v43 = getelementptr i64, ptr %rec, i64 12
  %v44 = load i64, ptr %v43, align 8, !invariant.load !0
  %v45 = getelementptr i64, ptr %rec, i64 11
  %v46 = load i64, ptr %v45, align 8, !invariant.load !0
  %v47 = getelementptr i64, ptr %rec, i64 15
  %v48 = load i64, ptr %v47, align 8, !invariant.load !0
  %v49 = getelementptr i64, ptr %rec, i64 14
  %v50 = load i64, ptr %v49, align 8, !invariant.load !0
  %v51 = getelementptr i64, ptr %rec, i64 2
  %v52 = load i64, ptr %v51, align 8, !invariant.load !0
  %v53 = getelementptr i64, ptr %rec, i64 8
  %v54 = load i64, ptr %v53, align 8, !invariant.load !0
  %v55 = mul i64 %begin, %v2
  %v56 = mul i64 %end, %v2
  %v57 = icmp slt i64 %v56, %v4
  %v58 = select i1 %v57, i64 %v56, i64 %v4
  %v59 = icmp slt i64 %v55, %v58
  br i1 %v59, label %start3, label %finished2
start3:
  %v60 = udiv i64 %v55, %v6
  %v61 = mul i64 %v60, %v6
  %v62 = sub i64 %v55, %v61
  br label %unit1
unit1:
  %p63 = phi i64 [%v55, %start3], [%v149, %end7]
  %p64 = phi i64 [%v62, %start3], [%v151, %end7]
  %p65 = phi i64 [%v60, %start3], [%v150, %end7]
  %v66 = mul i64 %p64, %v8
  %v67 = add i64 %v66, %v8
  %v68 = icmp slt i64 %v67, %v10
  %v69 = select i1 %v68, i64 %v67, i64 %v10
  %v70 = mul i64 %p65, %v30
  %v71 = add i64 %v28, %v70
  %v72 = icmp ult i64 %v71, %v52
  %v73 = mul i64 %p65, %v38
  %v74 = add i64 %v36, %v73
  %v75 = icmp ult i64 %v74, %v54
  %v76 = mul i64 %p65, %v34
  %v77 = add i64 %v32, %v76
  %v78 = mul i64 %p65, %v42
  %v79 = add i64 %v40, %v78
  %v80 = mul i64 %p65, %v46
  %v81 = add i64 %v44, %v80
  %v82 = mul i64 %p65, %v50
  %v83 = add i64 %v48, %v82
  %v84 = sub i64 %v69, %v66
  %v85 = and i64 %v84, -16
  %v86 = add i64 %v66, %v85
  %v87 = icmp slt i64 %v66, %v86
  br i1 %v87, label %loop4, label %done5
loop4:
  %p88 = phi i64 [%v66, %unit1], [%v112, %loop4]
  %v89 = insertelement <16 x i1> poison, i1 %v72, i64 0
  %v90 = shufflevector <16 x i1> %v89, <16 x i1> poison, <16 x i32> zeroinitializer
  %v91 = add i64 %v77, %p88
  %v92 = getelementptr float, ptr %v18, i64 %v91
  %v93 = select i1 %v72, ptr %v92, ptr %v18
  %v94 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v93, i32 4, <16 x i1> %v90, <16 x float> zeroinitializer)
  %v95 = insertelement <16 x i1> poison, i1 %v75, i64 0
  %v96 = shufflevector <16 x i1> %v95, <16 x i1> poison, <16 x i32> zeroinitializer
  %v97 = add i64 %v79, %p88
  %v98 = getelementptr float, ptr %v18, i64 %v97
  %v99 = select i1 %v75, ptr %v98, ptr %v18
  %v100 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v99, i32 4, <16 x i1> %v96, <16 x float> zeroinitializer)
  %v101 = insertelement <16 x i1> poison, i1 %v75, i64 0
  %v102 = shufflevector <16 x i1> %v101, <16 x i1> poison, <16 x i32> zeroinitializer
  %v103 = select <16 x i1> %v102, <16 x float> %v100, <16 x float> %v94
  %v104 = add i64 %v81, %p88
  %v105 = getelementptr float, ptr %v22, i64 %v104
  %v106 = load <16 x float>, ptr %v105, align 4
  %v107 = fadd <16 x float> %v103, %v106
  %v108 = add i64 %v83, %p88
  %v109 = getelementptr float, ptr %v26, i64 %v108
  store <16 x float> %v107, ptr %v109, align 4
  %v110 = add i64 %p88, 16
  %v111 = icmp slt i64 %v110, %v86
  %v112 = call i64 asm "", "=r,0"(i64 %v110)
  br i1 %v111, label %loop4, label %done5
done5:
  %v113 = icmp slt i64 %v86, %v69
  br i1 %v113, label %tail6, label %end7
tail6:
  %v114 = sub i64 %v69, %v86
  %v115 = trunc i64 %v114 to i32
  %v116 = insertelement <16 x i32> poison, i32 %v115, i64 0
  %v117 = shufflevector <16 x i32> %v116, <16 x i32> poison, <16 x i32> zeroinitializer
  %v118 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v117
  %v119 = insertelement <16 x i1> poison, i1 %v72, i64 0
  %v120 = shufflevector <16 x i1> %v119, <16 x i1> poison, <16 x i32> zeroinitializer
  %v121 = and <16 x i1> %v118, %v120
  %v122 = add i64 %v77, %v86
  %v123 = getelementptr float, ptr %v18, i64 %v122
  %v124 = select i1 %v72, ptr %v123, ptr %v18
  %v125 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v124, i32 4, <16 x i1> %v121, <16 x float> zeroinitializer)
  %v126 = insertelement <16 x i1> poison, i1 %v75, i64 0
  %v127 = shufflevector <16 x i1> %v126, <16 x i1> poison, <16 x i32> zeroinitializer
  %v128 = and <16 x i1> %v118, %v127
  %v129 = add i64 %v79, %v86
  %v130 = getelementptr float, ptr %v18, i64 %v129
  %v131 = select i1 %v75, ptr %v130, ptr %v18
  %v132 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v131, i32 4, <16 x i1> %v128, <16 x float> zeroinitializer)
  %v133 = insertelement <16 x i1> poison, i1 %v75, i64 0
  %v134 = shufflevector <16 x i1> %v133, <16 x i1> poison, <16 x i32> zeroinitializer
  %v135 = select <16 x i1> %v134, <16 x float> %v132, <16 x float> %v125
  %v136 = add i64 %v81, %v86
  %v137 = getelementptr float, ptr %v22, i64 %v136
  %v138 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v137, i32 4, <16 x i1> %v118, <16 x float> zeroinitializer)
  %v139 = fadd <16 x float> %v135, %v138
  %v140 = add i64 %v83, %v86
  %v141 = getelementptr float, ptr %v26, i64 %v140
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v139, ptr %v141, i32 4, <16 x i1> %v118)
  br label %end7
end7:
  %v142 = add i64 %p63, 1
  %v143 = add i64 %p64, 1
  %v144 = icmp eq i64 %v143, %v6
  %v145 = select i1 %v144, i64 0, i64 %v143
  %v146 = zext i1 %v144 to i64
  %v147 = add i64 %p65, %v146
  %v148 = icmp slt i64 %v142, %v58
  %v149 = call i64 asm "", "=r,0"(i64 %v142)
  %v150 = call i64 asm "", "=r,0"(i64 %v147)
  %v151 = call i64 asm "", "=r,0"(i64 %v145)
  br i1 %v148, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
